// SPDX-License-Identifier: GPL-3.0-or-later
// Why a pool or a server is exhausted, as the first page says it: the worst in full, a line for
// each other one.
#include "ui/models/answers_p.h"

#include "ui/models/translate.h"

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

constexpr std::size_t mostEvidence = 4, mostOthers = 3;

QString confidenceWords(Confidence confidence)
{
    switch (confidence) {
    case Confidence::high:
        return tr("high");
    case Confidence::medium:
        return tr("medium");
    case Confidence::low:
        return tr("low");
    }
    return {};
}

struct Diagnosed
{
    const TargetSummary* target;
    const Diagnosis* diagnosis;
};

bool moreUrgent(const Diagnosed& a, const Diagnosed& b)
{
    const auto rank = [](const Diagnosis& d) {
        return std::make_tuple(!d.exhausted, d.cause == Cause::undecided,
                               -static_cast<int>(d.confidence), d.since);
    };
    return rank(*a.diagnosis) < rank(*b.diagnosis);
}

/// What can be done at once, where its target allows it.
void addRelief(Answer& answer, const SessionStore& store, const Diagnosis& worst)
{
    const Relief& relief = *worst.relief;
    answer.relief = Formatter::line(relief.sentence, 300);
    if (relief.session && store.find(*relief.session)) {
        answer.session = relief.session;
        // As the sentence says it.
        if (worst.cause == Cause::slow_statements)
            answer.verb = ActionVerb::cancel;
        return;
    }
    const TargetSummary* const target =
        relief.checkout ? store.target(relief.checkout->target) : nullptr;
    if (target && target->agent && target->agent->may_reclaim && store.checkout(*relief.checkout)) {
        answer.reclaim = {*relief.checkout};
        answer.relief = tr("Reclaims checkout %1: that frees one connection.")
                            .arg(Formatter::line(relief.checkout->id.str(), 60));
    }
}

} // namespace

std::optional<Answer> answers::diagnosis(const SessionStore& store)
{
    std::vector<Diagnosed> all;
    for (const TargetSummary& target : store.targets()) {
        for (const Diagnosis& diagnosis : target.diagnoses)
            all.push_back({&target, &diagnosis});
    }
    if (all.empty())
        return std::nullopt;
    std::stable_sort(all.begin(), all.end(), moreUrgent);
    const Diagnosis& worst = *all.front().diagnosis;
    Answer answer;
    answer.kind = Answer::Kind::diagnosis;
    answer.severity = worst.exhausted ? 2 : 1;
    answer.target = worst.target;
    answer.sentence = Formatter::line(worst.sentence, 500);
    answer.decided = worst.cause != Cause::undecided;
    answer.confidence = confidenceWords(worst.confidence);
    answer.prevention = Formatter::line(worst.prevention, 300);
    if (worst.relief)
        addRelief(answer, store, worst);
    for (const DiagnosisEvidence& each : worst.evidence) {
        if (answer.evidence.size() == mostEvidence)
            break;
        answer.evidence.push_back({Formatter::line(each.sentence, 200),
                                   QString::fromStdString(each.page), each.session, each.checkout,
                                   each.at});
    }
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (i > mostOthers) {
            answer.others += tr("%1 more").arg(all.size() - i);
            break;
        }
        answer.others += Formatter::line(all[i].diagnosis->sentence, 200);
    }
    return answer;
}

} // namespace poolscope
