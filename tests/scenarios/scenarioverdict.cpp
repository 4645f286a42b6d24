// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenarios/scenarioverdict.h"

#include "core/analyze/analysis.h"
#include "core/record/reader.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace poolscope::test {

namespace {

using std::chrono::milliseconds;

QString nameIn(Cause cause)
{
    const std::string_view name = name_of(cause);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

struct Times
{
    Timestamp onset;
    Timestamp calm;
    std::optional<Timestamp> waits, timeout;
};

std::optional<Times> readTimes(const QString& folder)
{
    QFile file(folder + QStringLiteral("/times.json"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    const QJsonObject said = QJsonDocument::fromJson(file.readAll()).object();
    const auto at = [&](const char* name) -> std::optional<Timestamp> {
        const QJsonValue value = said[QLatin1String(name)];
        if (!value.isDouble())
            return {};
        return timestamp_from_us(static_cast<std::int64_t>(value.toDouble()));
    };
    const auto onset = at("onset");
    const auto calm = at("calm");
    if (!onset || !calm)
        return {};
    return Times{*onset, *calm, at("waits"), at("timeout")};
}

class Judge
{
public:
    Judge(const ScenarioRow& row, std::size_t sources, const Times& times)
        : row_(row)
        , times_(times)
        , truth_(row.truth(sources))
    {
        verdict_.sources = sources;
        const auto sinceOnset = [&](const std::optional<Timestamp>& at) {
            return at ? std::optional(seconds(*at)) : std::nullopt;
        };
        verdict_.strained = sinceOnset(times.waits);
        verdict_.firstTimeout = sinceOnset(times.timeout);
    }

    void look(const Analysis& analysis)
    {
        const Timestamp now = analysis.world().now();
        bool any = false;
        QStringList decided;
        for (const Diagnosis& each : analysis.diagnoses()) {
            any = true;
            weigh(each, now);
            decided += nameIn(each.cause);
        }
        const double after = seconds(now) - seconds(times_.calm);
        if (any && after > 0)
            verdict_.ended = after;
        still_ = any;
        lookAtAlerts(analysis, now);
    }

    ScenarioVerdict finish();

private:
    double seconds(Timestamp at) const
    {
        return std::chrono::duration<double>(at - times_.onset).count();
    }
    void weigh(const Diagnosis& each, Timestamp now);
    void lookAtAlerts(const Analysis& analysis, Timestamp now);
    void judgeAlerts();
    bool cellIsMet();

    const ScenarioRow& row_;
    Times times_;
    QStringList truth_;
    ScenarioVerdict verdict_;
    QString wrong_, right_;
    bool candidatesRight_ = false;
    bool undecided_ = false;
    bool still_ = false;
    bool named_ = false;
};

void Judge::weigh(const Diagnosis& each, Timestamp now)
{
    const QString cause = nameIn(each.cause);
    const QString sentence = QString::fromStdString(each.sentence);
    if (each.cause == Cause::leak && row_.healthy())
        verdict_.falseLeak = true;
    if (each.cause == Cause::undecided) {
        undecided_ = true;
        const auto among = std::count_if(each.candidates.begin(), each.candidates.end(),
                                         [&](Cause c) { return truth_.contains(nameIn(c)); });
        candidatesRight_ = candidatesRight_ || among > 0;
        if (among > 0 && !verdict_.firstNamed && now >= times_.onset)
            verdict_.firstNamed = seconds(now);
        if (row_.causes.size() < 2 || among < 2 || now < times_.onset)
            return;
    } else if (!truth_.contains(cause)) {
        if (wrong_.isEmpty())
            verdict_.complaint =
                QStringLiteral("at %1 s: %2").arg(seconds(now), 0, 'f', 1).arg(sentence);
        wrong_ = wrong_.isEmpty() ? cause : wrong_;
        return;
    }
    if (right_.isEmpty() || each.cause != Cause::undecided)
        right_ = each.cause == Cause::undecided ? QStringLiteral("both") : cause;
    if (!verdict_.firstRight && now >= times_.onset)
        verdict_.firstRight = seconds(now);
    if (now > times_.calm && !verdict_.sentence.isEmpty())
        return;
    verdict_.sentence = sentence;
    named_ = false;
    for (const QString& line : row_.line.split(QLatin1Char('/'))) {
        const QString place = markedLine(line);
        named_ = named_ || (!place.isEmpty() && sentence.contains(place));
    }
}

void Judge::lookAtAlerts(const Analysis& analysis, Timestamp now)
{
    const bool calm = row_.healthy() || (now < times_.onset &&
                                         !row_.causes.contains(QStringLiteral("pool_too_small")));
    for (const Alert& alert : analysis.alerts()) {
        if (alert.state != AlertState::firing)
            continue;
        const bool leak =
            alert.measure == AlertMeasure::leaks || alert.measure == AlertMeasure::critical_leaks;
        verdict_.falseLeak = verdict_.falseLeak || (leak && row_.healthy());
        if (!calm && !verdict_.firstAlert)
            verdict_.firstAlert = seconds(now);
        const QString rule = QString::fromStdString(alert.rule);
        if (calm && !verdict_.earlyAlerts.contains(rule))
            verdict_.earlyAlerts += rule;
    }
}

/// A combination that does not see the pool says nothing of its waits.
void Judge::judgeAlerts()
{
    const bool seesPool = verdict_.sources != static_cast<std::size_t>(Sources::server);
    verdict_.alertsOk = verdict_.earlyAlerts.isEmpty() || row_.mayAlert;
    if (row_.healthy() || !seesPool || row_.told.at(verdict_.sources) == QStringLiteral("~"))
        return;
    // Waits that all succeed may fall between two looks at a page, 5 s apart.
    const bool pagesAlone = verdict_.sources == static_cast<std::size_t>(Sources::metrics);
    if (pagesAlone && !verdict_.firstTimeout && !verdict_.firstAlert)
        return;
    const double until = verdict_.firstTimeout.value_or(seconds(times_.calm));
    verdict_.alertsOk = verdict_.alertsOk && verdict_.firstAlert && *verdict_.firstAlert < until;
}

bool Judge::cellIsMet()
{
    const QString& cell = row_.told.at(verdict_.sources);
    if (!wrong_.isEmpty())
        return false;
    const auto fails = [&](const char* why) {
        verdict_.complaint = QLatin1String(why);
        return false;
    };
    if (row_.mustTell(verdict_.sources)) {
        if (right_.isEmpty())
            return fails("is not told");
        const bool whole = verdict_.sources == static_cast<std::size_t>(Sources::agentAndServer);
        if (whole && row_.line != QStringLiteral("-") && !named_)
            return fails("the line is not named");
    } else if (cell == QStringLiteral("?")) {
        if (right_.isEmpty() && !undecided_)
            return fails("nothing is told");
        if (right_.isEmpty() && !candidatesRight_)
            return fails("it is none of the candidates");
    } else if (cell == QStringLiteral("-") && undecided_) {
        return fails("there is nothing to tell");
    }
    // Of metrics it takes longer: they look back over 14 s.
    if (row_.after >= 25 && still_)
        return fails("does not end");
    return true;
}

ScenarioVerdict Judge::finish()
{
    verdict_.ok = cellIsMet();
    verdict_.told = !wrong_.isEmpty()   ? wrong_
                    : !right_.isEmpty() ? right_
                    : undecided_        ? QStringLiteral("undecided")
                                        : QStringLiteral("nothing");
    judgeAlerts();
    return verdict_;
}

} // namespace

ScenarioVerdict judgeScenario(const ScenarioRow& row, std::size_t sources, const QString& folder)
{
    ScenarioVerdict failed;
    failed.sources = sources;
    failed.told = QStringLiteral("failed");
    const auto times = readTimes(folder);
    const QString file = folder + QStringLiteral("/%1.poolrec").arg(sources);
    auto reader = RecordingReader::open(file.toStdString());
    if (!times || !reader) {
        failed.complaint =
            times ? QString::fromStdString(reader.error().sentence) : QStringLiteral("no times");
        return failed;
    }
    Judge judge(row, sources, *times);
    Analysis analysis;
    WorldDelta ignored;
    std::optional<Timestamp> looked;
    const auto visited =
        reader.value()->read(SequenceNumber{0}, [&](const Observation& observation) {
            // What stood until now, before this one changes it.
            if (looked && observation.time >= *looked + milliseconds{500}) {
                analysis.look();
                judge.look(analysis);
                looked = observation.time;
            }
            analysis.fold(observation, ignored);
            ignored = {};
            if (!looked)
                looked = observation.time;
            return true;
        });
    if (!visited) {
        failed.complaint = QString::fromStdString(visited.error().sentence);
        return failed;
    }
    analysis.look();
    judge.look(analysis);
    return judge.finish();
}

} // namespace poolscope::test
