// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "core/analyze/causewords.h"

#include <fmt/format.h>

#include <algorithm>

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

/// What the statement was at, at so many looks.
void writeWaits(JsonWriter& json, const WaitProfile& waits)
{
    json.begin_object();
    json.member("statement", waits.statement);
    json.member("from", waits.from);
    json.member("to", waits.to);
    json.member("polls", static_cast<std::int64_t>(waits.polls));
    json.member("looks", static_cast<std::int64_t>(waits.looks));
    json.key("counts");
    json.begin_array();
    for (const WaitCount& count : waits.counts) {
        json.begin_object();
        json.member("kind", name_of(count.kind));
        json.member("event", count.event);
        json.member("looks", static_cast<std::int64_t>(count.looks));
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

/// As the alert "pool nearly exhausted" and the diagnosis have it.
bool isNearlyExhausted(const Pool& pool)
{
    constexpr std::int64_t least_percent = 95;
    constexpr std::int64_t most = std::int64_t{1} << 48;
    return pool.kind.str() != "bypass" && pool.used && pool.max && *pool.max > 0 &&
           *pool.max < most && *pool.used >= 0 && *pool.used < most &&
           *pool.used * 100 >= *pool.max * least_percent;
}

/// What else would have to be attached for the cause to be told; empty: everything is.
std::string missingFor(const Picture& picture)
{
    const auto any = [&picture](auto&& fits) {
        return std::any_of(picture.targets.begin(), picture.targets.end(), fits);
    };
    const bool process = any([](const TargetSummary& each) { return each.agent.has_value(); });
    const bool server = any([](const TargetSummary& each) { return is_server(each.info); });
    if (process && server)
        return {};
    return fmt::format(" Give {} as well.", server    ? "the pool inside its application"
                                            : process ? "the database's server"
                                                      : "the pool inside its application and the "
                                                        "database's server");
}

} // namespace

std::vector<std::string> undiagnosed(const Picture& picture)
{
    std::vector<std::string> sentences;
    for (const TargetSummary& target : picture.targets) {
        if (target.status.reach != Reach::up)
            continue;
        for (const Pool& pool : target.pools) {
            const bool told = std::any_of(target.diagnoses.begin(), target.diagnoses.end(),
                                          [&](const Diagnosis& d) { return d.pool == pool.name; });
            if (!told && isNearlyExhausted(pool))
                sentences.push_back(fmt::format(
                    "{} of {} is nearly exhausted ({} of {} are lent); why cannot be told yet.{}",
                    plain_line(pool.name.str(), 128), plain_line(target.info.name, 64), *pool.used,
                    *pool.max, missingFor(picture)));
        }
    }
    return sentences;
}

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
    json.key("waits");
    if (diagnosis.waits)
        writeWaits(json, *diagnosis.waits);
    else
        json.null();
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
            text += fmt::format("{}{}  {}\n    {}\n", in_words(d.cause),
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
                    also += fmt::format("{}{}", also.empty() ? "" : ", ", in_words(candidate));
                text += "    It may also be, or besides: " + also + ".\n";
            }
            text += '\n';
        }
    }
    for (const std::string& sentence : undiagnosed(picture))
        text += sentence + '\n';
    return text.empty() ? "Nothing is exhausted, or nearly so.\n" : text;
}

} // namespace poolscope
