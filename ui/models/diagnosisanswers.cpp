// SPDX-License-Identifier: GPL-3.0-or-later
// Why a pool or a server is exhausted, as the first page says it: the worst in full, a line for
// each other one.
#include "ui/models/answers_p.h"

#include "ui/models/placewords.h"
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
    bool acts; ///< there is something here to act on
};

/// Of a target that does not answer there is nothing to see or to do: what can be acted on comes
/// before that.
bool moreUrgent(const Diagnosed& a, const Diagnosed& b)
{
    const auto rank = [](const Diagnosed& each) {
        const Diagnosis& d = *each.diagnosis;
        return std::make_tuple(!each.acts && each.target->status.reach != Reach::up, !d.exhausted,
                               d.cause == Cause::undecided, -static_cast<int>(d.confidence),
                               d.since);
    };
    return rank(a) < rank(b);
}

bool acts(const SessionStore& store, const Diagnosis& diagnosis)
{
    return diagnosis.relief &&
           ((diagnosis.relief->session && store.find(*diagnosis.relief->session)) ||
            (diagnosis.relief->checkout && store.checkout(*diagnosis.relief->checkout)));
}

/// All that are suspected where that one was acquired, itself among them.
std::vector<CheckoutKey> heldLike(const SessionStore& store, const Checkout& checkout)
{
    std::vector<CheckoutKey> all;
    if (const PlaceAt at = placeAt(store, checkout)) {
        for (const Holder& holder : at.place->holders) {
            if (holder.severity != LeakSeverity::none && store.checkout(holder.checkout))
                all.push_back(holder.checkout);
        }
    }
    if (std::find(all.begin(), all.end(), checkout.key) == all.end())
        all.assign(1, checkout.key);
    return all;
}

/// A server that lets this user in no more may let in another.
void addAttach(Answer& answer, const TargetSummary& target)
{
    if (!refusesAsFull(target))
        return;
    // As its source words it: of the role, the account or the database.
    const bool limited = target.status.next_step.find("own limit") != std::string::npos;
    answer.attachTo =
        limited ? Formatter::line(target.info.url, 2000) : administratorsUrl(target.info);
    answer.attachWords = limited                       ? tr("Attach another way…")
                         : target.info.kind == "mysql" ? tr("Attach as administrator…")
                                                       : tr("Attach as superuser…");
}

/// What can be done at once, where its target allows it.
void addRelief(Answer& answer, const SessionStore& store, const Diagnosis& worst)
{
    const Relief& relief = *worst.relief;
    answer.relief = Formatter::line(relief.sentence, 600);
    if (relief.session && store.find(*relief.session)) {
        answer.session = relief.session;
        // As the sentence says it.
        if (worst.cause == Cause::slow_statements)
            answer.verb = ActionVerb::cancel;
        return;
    }
    const TargetSummary* const target =
        relief.checkout ? store.target(relief.checkout->target) : nullptr;
    const auto checkout = target ? store.checkout(*relief.checkout) : nullptr;
    if (!checkout || !target->agent || !target->agent->may_reclaim)
        return;
    answer.reclaim = {*relief.checkout};
    if (worst.cause != Cause::leak)
        return;
    answer.reclaim = heldLike(store, *checkout);
    if (const auto n = std::ssize(answer.reclaim); n > 1)
        answer.relief = tr("Frees %1 lent at %2 at once; what their holders do next with them "
                           "fails.")
                            .arg(connections(n), placeName(checkout->stack.get()).lead);
}

QString sessionWords(const SessionRow& row)
{
    const QString pid = QString::number(row.session.key.pid.value);
    return row.session.application.empty()
               ? tr("session %1").arg(pid)
               : tr("session %1 of %2")
                     .arg(pid, Formatter::line(row.session.application.str(), 64));
}

/// A second queue on a server has a head of its own, which nothing above names.
void addQueues(Answer& answer, const SessionStore& store)
{
    const auto isNamed = [&](const SessionKey& key) {
        return answer.session == key ||
               std::any_of(answer.others.begin(), answer.others.end(),
                           [&](const AnswerOther& other) { return other.session == key; });
    };
    constexpr int leastWaiting = 2;
    for (const TargetSummary& target : store.targets()) {
        for (const BlockingTree& tree : target.blocking.trees) {
            const SessionRow* const root = store.find(tree.root.key);
            if (answer.others.size() >= mostOthers)
                return;
            if (tree.cycle || tree.root.blocks < leastWaiting || !root || isNamed(tree.root.key))
                continue;
            answer.others.push_back({tr("On %1 %2 blocks %3, too.")
                                         .arg(answers::nameOf(target), sessionWords(*root),
                                              Formatter::sessions(tree.root.blocks)),
                                     tree.root.key});
        }
    }
}

} // namespace

std::optional<Answer> answers::diagnosis(const SessionStore& store)
{
    std::vector<Diagnosed> all;
    for (const TargetSummary& target : store.targets()) {
        for (const Diagnosis& diagnosis : target.diagnoses)
            all.push_back({&target, &diagnosis, acts(store, diagnosis)});
    }
    if (all.empty())
        return std::nullopt;
    std::stable_sort(all.begin(), all.end(), moreUrgent);
    const Diagnosis& worst = *all.front().diagnosis;
    Answer answer;
    answer.kind = Answer::Kind::diagnosis;
    // What leads may be the lesser one.
    answer.severity = std::any_of(all.begin(), all.end(),
                                  [](const auto& each) { return each.diagnosis->exhausted; })
                          ? 2
                          : 1;
    answer.target = worst.target;
    answer.sentence = Formatter::line(worst.sentence, 500);
    answer.decided = worst.cause != Cause::undecided;
    answer.confidence = confidenceWords(worst.confidence);
    answer.prevention = Formatter::line(worst.prevention, 600);
    if (worst.relief)
        addRelief(answer, store, worst);
    if (worst.relief && !worst.relief->session)
        addAttach(answer, *all.front().target);
    for (const DiagnosisEvidence& each : worst.evidence) {
        if (answer.evidence.size() == mostEvidence)
            break;
        answer.evidence.push_back({Formatter::line(each.sentence, 200),
                                   QString::fromStdString(each.page), each.session, each.checkout,
                                   each.at});
    }
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (i > mostOthers) {
            answer.others.push_back({tr("%1 more").arg(all.size() - i)});
            break;
        }
        const Diagnosis& d = *all[i].diagnosis;
        AnswerOther other{Formatter::line(d.sentence, 200)};
        if (d.relief && d.relief->session && store.find(*d.relief->session)) {
            other.session = d.relief->session;
            if (d.cause == Cause::slow_statements)
                other.verb = ActionVerb::cancel;
        }
        answer.others.push_back(std::move(other));
    }
    addQueues(answer, store);
    return answer;
}

} // namespace poolscope
