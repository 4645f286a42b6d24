// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"
#include "app/cli/prose.h"

#include <fmt/format.h>

namespace poolscope {

namespace {

void writeSessionId(JsonWriter& json, const Picture& picture,
                    const std::optional<SessionKey>& session)
{
    const TargetSummary* const target = session ? picture.target(session->target) : nullptr;
    if (target)
        json.value(identity_of(*session, target->info.kind));
    else
        json.null();
}

void writeCheckoutId(JsonWriter& json, const std::optional<CheckoutKey>& checkout)
{
    if (checkout)
        json.value(checkout->id);
    else
        json.null();
}

/// What it is of: numbers of sessions and names of checkouts are of one target each.
void writeTargetOf(JsonWriter& json, const Picture& picture, const std::optional<TargetId>& id)
{
    const TargetSummary* const target = id ? picture.target(*id) : nullptr;
    if (target)
        json.value(target->info.url);
    else
        json.null();
}

/// Of a piece of evidence, or of a relief.
template <class Named>
void writeNamed(JsonWriter& json, const Picture& picture, const Named& named)
{
    json.key("session");
    writeSessionId(json, picture, named.session);
    json.key("session_target");
    writeTargetOf(json, picture,
                  named.session ? std::optional{named.session->target} : std::nullopt);
    json.key("checkout");
    writeCheckoutId(json, named.checkout);
    json.key("checkout_target");
    writeTargetOf(json, picture,
                  named.checkout ? std::optional{named.checkout->target} : std::nullopt);
}

void writeEvidence(JsonWriter& json, const Picture& picture, const DiagnosisEvidence& evidence)
{
    json.begin_object();
    json.member("sentence", evidence.sentence);
    json.member("page", evidence.page);
    json.member("time", evidence.at);
    writeNamed(json, picture, evidence);
    json.end_object();
}

std::string words(Cause cause)
{
    std::string text{name_of(cause)};
    for (char& c : text)
        c = c == '_' ? ' ' : c;
    return text;
}

} // namespace

void writeDiagnosis(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                    const Diagnosis& diagnosis)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("pool", diagnosis.pool);
    json.member("cause", name_of(diagnosis.cause));
    json.member("confidence", name_of(diagnosis.confidence));
    json.member("sentence", diagnosis.sentence);
    json.key("evidence");
    json.begin_array();
    for (const DiagnosisEvidence& evidence : diagnosis.evidence)
        writeEvidence(json, picture, evidence);
    json.end_array();
    json.key("relief");
    if (diagnosis.relief) {
        json.begin_object();
        json.member("sentence", diagnosis.relief->sentence);
        writeNamed(json, picture, *diagnosis.relief);
        json.member("frees", diagnosis.relief->frees);
        json.end_object();
    } else {
        json.null();
    }
    json.key("prevention");
    if (diagnosis.prevention.empty())
        json.null();
    else
        json.value(diagnosis.prevention);
    json.key("candidates");
    json.begin_array();
    for (const Cause candidate : diagnosis.candidates)
        json.value(name_of(candidate));
    json.end_array();
    json.member("since", diagnosis.since);
    json.member("exhausted", diagnosis.exhausted);
    json.end_object();
}

void writeDiagnoses(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const Diagnosis& diagnosis : target.diagnoses)
            writeDiagnosis(json, picture, target, diagnosis);
    }
}

std::string diagnosesText(const Picture& picture)
{
    std::string text;
    for (const TargetSummary& target : picture.targets) {
        for (const Diagnosis& d : target.diagnoses) {
            text += fmt::format("{}{}  {}\n    {}\n", words(d.cause),
                                d.cause == Cause::undecided
                                    ? ""
                                    : fmt::format(" ({} confidence)", name_of(d.confidence)),
                                plain_line(target.info.name, 64), plain_line(d.sentence, 1200));
            for (const DiagnosisEvidence& evidence : d.evidence)
                text += "    - " + plain_line(evidence.sentence, 600) + '\n';
            if (d.relief)
                text += "    Now: " + plain_line(d.relief->sentence, 600) + '\n';
            if (!d.prevention.empty())
                text += "    Then: " + plain_line(d.prevention, 600) + '\n';
            if (!d.candidates.empty() && d.cause != Cause::undecided) {
                std::string also;
                for (const Cause candidate : d.candidates)
                    also += (also.empty() ? "" : ", ") + words(candidate);
                text += "    It may also be, or besides: " + also + ".\n";
            }
            text += '\n';
        }
    }
    return text.empty() ? "Nothing is exhausted, or nearly so.\n" : text;
}

} // namespace poolscope
