// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/source/factprobe.h"

#include "core/base/clock.h"

namespace poolscope::test {

void FactProbe::listenTo(const Source& source)
{
    connect(&source, &Source::observed, this, &FactProbe::take);
    connect(&source, &Source::secretRequired, this,
            [this](const QString& sentence) { secrets += sentence; });
    take(TargetAttached{source.info()});
}

void FactProbe::take(const Fact& fact)
{
    Observation o;
    o.sequence = SequenceNumber{++sequence_};
    o.time = SystemClock{}.now();
    o.target = TargetId{1};
    o.what = fact;
    world_.apply(o);
    if (keepFacts)
        facts.push_back(fact);
    const auto count = [this](bool full) {
        ++samples;
        fullSamples += full;
    };
    if (const auto* const sample = std::get_if<PoolSample>(&fact))
        count(sample->full);
    if (const auto* const sample = std::get_if<ServerSample>(&fact))
        count(sample->full);
    gaps += std::holds_alternative<Gap>(fact);
    reports += std::holds_alternative<AgentReported>(fact);
    if (const auto* const status = std::get_if<StatusChanged>(&fact))
        failing += status->status.reach == Reach::failing;
    took(fact);
}

QString FactProbe::phases(ActionId action) const
{
    QStringList names;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            names += QString::fromStdString(std::string{name_of(told->phase)});
    }
    return names.join(QLatin1Char(' '));
}

QString FactProbe::outcome(ActionId action) const
{
    QString sentence;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            sentence = QString::fromStdString(told->sentence);
    }
    return sentence;
}

} // namespace poolscope::test
