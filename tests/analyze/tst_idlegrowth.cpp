// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"
#include "core/analyze/words.h"

#include <QTest>

#include <functional>
#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
const TargetId target{1};

/// A server whose sessions the test moves, one sample a second. It keeps every observation.
class Server
{
public:
    /// "mysql" tells no session's start: its keys hold the server's.
    explicit Server(const char* kind = "postgresql")
        : tells_start_(tells_session_start(kind))
    {
        observe(TargetAttached{{target, kind, "shop-db", ""}});
        ServerFacts facts;
        facts.max_connections = 100;
        facts.reserved = 3;
        observe(FactsReported{facts});
    }

    Timestamp now() const { return now_; }

    Pid open(const std::string& application, const std::string& address, Duration ago = 0s)
    {
        Session s;
        s.key = {target, Pid{++last_pid_}, tells_start_ ? now_ - ago : start - 24h};
        s.backend_type = Text{"client backend"};
        s.application = Text{application};
        s.client = Text{address + ":" + std::to_string(40000 + last_pid_)};
        s.state = SessionState::idle;
        s.state_since = now_ - ago;
        sessions_[s.key.pid] = s;
        changed_.push_back(s.key.pid);
        return s.key.pid;
    }

    void set(Pid pid, SessionState state)
    {
        Session& s = sessions_.at(pid);
        s.state = state;
        s.state_since = now_;
        changed_.push_back(pid);
    }

    void close(Pid pid)
    {
        gone_.push_back(sessions_.at(pid).key);
        sessions_.erase(pid);
    }

    /// A second passes, then a poll.
    void sample(bool full = false)
    {
        now_ += 1s;
        ServerSample sample;
        sample.full = full;
        sample.clock_offset = 40ms;
        std::sort(changed_.begin(), changed_.end());
        changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
        if (full) {
            for (const auto& [pid, session] : sessions_)
                sample.changed.push_back(session);
        } else {
            for (const Pid pid : changed_) {
                if (const auto at = sessions_.find(pid); at != sessions_.end())
                    sample.changed.push_back(at->second);
            }
            std::sort(gone_.begin(), gone_.end());
            sample.gone = gone_;
        }
        changed_.clear();
        gone_.clear();
        observe(sample);
    }

    void tick() { observe(Tick{}, TargetId{0}); }

    void observe(Fact fact, TargetId of = target)
    {
        const std::uint64_t n = observations.size() + 1;
        observations.push_back({SequenceNumber{n}, now_, of, std::move(fact)});
        WorldDelta ignored;
        analysis.apply(observations.back(), ignored);
        for (Mark& mark : analysis.take_marks())
            marks.push_back(std::move(mark));
        if (!growing().empty())
            ++found;
    }

    std::vector<SuspectedLeak> growing() const
    {
        std::vector<SuspectedLeak> some;
        for (const SuspectedLeak& leak : analysis.findings(target).suspects) {
            if (leak.growth)
                some.push_back(leak);
        }
        return some;
    }

    const std::map<Pid, Session>& sessions() const { return sessions_; }

    Analysis analysis;
    std::vector<Observation> observations;
    std::vector<Mark> marks;
    int found = 0; ///< observations after which a client was found growing

private:
    bool tells_start_;
    Timestamp now_ = start;
    std::int64_t last_pid_ = 100;
    std::map<Pid, Session> sessions_;
    std::vector<Pid> changed_;
    std::vector<SessionKey> gone_;
};

using Second = std::function<void(Server&, int second)>;

/// A leak of one connection every 15 s.
void leak(Server& server, int second)
{
    if (second % 15 == 0)
        server.open("shop-api", "10.0.0.7");
}

/// Three connections that work now and then, each for a second.
Second traffic()
{
    return [](Server& server, int second) {
        static std::vector<Pid> pids;
        if (second == 0) {
            pids.clear();
            for (int i = 0; i < 3; ++i)
                pids.push_back(server.open("shop-api", "10.0.0.7"));
        }
        server.set(pids.at(static_cast<std::size_t>(second % 3)),
                   second % 2 == 0 ? SessionState::active : SessionState::idle);
    };
}

void run(Server& server, int seconds, const std::vector<Second>& parts)
{
    for (int second = 0; second < seconds; ++second) {
        for (const Second& part : parts)
            part(server, second);
        server.sample(second % 100 == 7);
        server.tick();
    }
}

} // namespace

class TestIdleGrowth : public QObject
{
    Q_OBJECT
private slots:
    void leakBesideTrafficIsFound();
    void healthyStaysQuiet_data();
    void healthyStaysQuiet();
    void withoutStartsOfSessions();
    void oneDepartureSilences();
    void comesAfterHolders();
    void evidenceSaysWhatIsTrue();
    void pausesAreNoNews();
    void seekingEqualsPlaying_data();
    void seekingEqualsPlaying();
    void clockSetBackIsHarmless();
    void countsHaveThinSpaces();
};

void TestIdleGrowth::leakBesideTrafficIsFound()
{
    Server server;
    run(server, 300, {leak, traffic()});
    QVERIFY2(server.found == 0, "not before a whole window was seen");
    run(server, 60, {leak});
    const auto growing = server.growing();
    QCOMPARE(growing.size(), size_t{1});
    QCOMPARE(growing.front().kind, LeakKind::session);
    QCOMPARE(growing.front().severity, LeakSeverity::alert);
    QCOMPARE(growing.front().group, std::string("shop-api at 10.0.0.7"));
    QCOMPARE(growing.front().session.pid, Pid{101});
    QCOMPARE(growing.front().since, start);
    QVERIFY(growing.front().growth->to >= 18);
    QVERIFY(growing.front().growth->from < 5);
}

void TestIdleGrowth::healthyStaysQuiet_data()
{
    QTest::addColumn<Second>("part");
    const auto row = [](const char* name, const Second& part) {
        QTest::addRow("%s", name) << part;
    };
    row("a pool that fills to its size and is never used", [](Server& server, int second) {
        if (second >= 330 && second < 400)
            server.open("shop-api", "10.0.0.7");
    });
    row("a pool that is there from the start", [](Server& server, int second) {
        if (second == 0) {
            for (int i = 0; i < 40; ++i)
                server.open("shop-api", "10.0.0.7", 1h);
        }
    });
    row("work ebbs away: ever more idle, none opened", [](Server& server, int second) {
        static std::vector<Pid> pids;
        if (second == 0) {
            pids.clear();
            for (int i = 0; i < 60; ++i)
                pids.push_back(server.open("shop-api", "10.0.0.7", 1h));
            for (const Pid pid : pids)
                server.set(pid, SessionState::active);
        } else if (second % 15 == 0 && second <= 900) {
            server.set(pids.at(static_cast<std::size_t>(second / 15 - 1)), SessionState::idle);
        }
    });
    row("connections are replaced now and then", [](Server& server, int second) {
        leak(server, second);
        if (second % 120 == 100)
            server.close(server.sessions().begin()->first);
    });
    row("an idle one works between two polls", [](Server& server, int second) {
        leak(server, second);
        if (second % 120 == 100)
            server.set(server.sessions().begin()->first, SessionState::idle);
    });
    row("too few", [](Server& server, int second) {
        if (second % 90 == 0 && second < 800)
            server.open("shop-api", "10.0.0.7");
    });
    row("each from another place", [](Server& server, int second) {
        if (second % 15 == 0)
            server.open("shop-api", "10.0.0." + std::to_string(second / 15));
    });
    row("all of them work", [](Server& server, int second) {
        leak(server, second);
        for (const auto& [pid, session] : std::map(server.sessions())) {
            if ((second + pid.value) % 40 == 0)
                server.set(pid, SessionState::active);
            else if ((second + pid.value) % 40 == 1)
                server.set(pid, SessionState::idle);
        }
    });
}

void TestIdleGrowth::healthyStaysQuiet()
{
    QFETCH(Second, part);
    Server server;
    run(server, 1000, {part});
    QCOMPARE(server.found, 0);
}

void TestIdleGrowth::withoutStartsOfSessions()
{
    // Those that were there when listing began are not new, whatever the server's start says.
    Server server("mysql");
    for (int i = 0; i < 12; ++i)
        server.open("shop-api", "10.0.0.7");
    run(server, 600, {traffic()});
    QCOMPARE(server.found, 0);
    run(server, 600, {traffic(), leak});
    QCOMPARE(server.growing().size(), size_t{1});
    // One that works for long and then sleeps was not opened for it.
    Server busy("mysql");
    std::vector<Pid> pids;
    for (int i = 0; i < 40; ++i)
        pids.push_back(busy.open("shop-api", "10.0.0.7"));
    for (const Pid pid : pids)
        busy.set(pid, SessionState::active);
    run(busy, 400, {});
    run(busy, 400, {[&](Server& to, int second) {
            if (second % 10 == 0 && !pids.empty()) {
                to.set(pids.back(), SessionState::idle);
                pids.pop_back();
            }
        }});
    QCOMPARE(busy.found, 0);
}

void TestIdleGrowth::oneDepartureSilences()
{
    Server server;
    run(server, 400, {leak});
    QCOMPARE(server.growing().size(), size_t{1});
    // Another client's sessions are another matter.
    const Pid other = server.open("batch", "10.0.0.7", 10min);
    run(server, 2, {});
    server.close(other);
    run(server, 2, {});
    QCOMPARE(server.growing().size(), size_t{1});

    server.close(server.sessions().begin()->first);
    run(server, 1, {});
    QVERIFY(server.growing().empty());
    run(server, 290, {leak});
    QVERIFY(server.growing().empty());
    run(server, 20, {leak});
    QCOMPARE(server.growing().size(), size_t{1});
    // A full picture does not name who left.
    server.close(server.sessions().begin()->first);
    server.sample(true);
    QVERIFY(server.growing().empty());
}

void TestIdleGrowth::comesAfterHolders()
{
    Server server;
    run(server, 400, {leak});
    const Pid holder = server.open("report", "10.0.0.9");
    server.set(holder, SessionState::idle_in_transaction);
    run(server, 60, {leak});
    const auto& suspects = server.analysis.findings(target).suspects;
    QCOMPARE(suspects.size(), size_t{2});
    QCOMPARE(suspects.front().session.pid, holder);
    QVERIFY(suspects.back().growth.has_value());
}

void TestIdleGrowth::evidenceSaysWhatIsTrue()
{
    Server server;
    run(server, 421, {leak});
    const TargetState& state = *server.analysis.world().target(target);
    const SuspectedLeak found = server.growing().at(0);
    const auto evidence = evidence_of(found, state, LeakThresholds{}, server.now());
    QCOMPARE(evidence.size(), size_t{4});
    QCOMPARE(
        evidence[0],
        std::string("Sessions of shop-api at 10.0.0.7 that have been idle for over 1 min went "
                    "from 5 to 25 in the last 5 min; in that time none of those was used again "
                    "or closed."));
    QCOMPARE(evidence[1], std::string("This one, the oldest, has been idle for 7 min 1 s."));
    QCOMPARE(evidence[2], std::string("This client holds 29 of 100 connections (29.0 %)."));
    // 68 free of 97, 20 more every 5 min
    QCOMPARE(evidence[3],
             std::string("At this rate the 68 slots left on the server last for 17 min."));

    TargetState tight = state;
    tight.facts->max_connections = 32;
    QCOMPARE(evidence_of(found, tight, LeakThresholds{}, server.now()).back(),
             std::string("The server has no slot left for an ordinary role."));
    tight.facts.reset();
    QCOMPARE(evidence_of(found, tight, LeakThresholds{}, server.now()).back(),
             std::string("This client holds 29 connections."));
}

void TestIdleGrowth::pausesAreNoNews()
{
    Server server;
    run(server, 400, {leak});
    run(server, 190, {});
    QVERIFY2(server.growing().empty(), "growth that ended is none");
    run(server, 400, {leak});
    QCOMPARE(server.growing().size(), size_t{1});
    QCOMPARE(server.marks.size(), size_t{1});
    QCOMPARE(server.marks.front().kind, MarkKind::warning);
    QVERIFY(server.marks.front().sentence.starts_with("idle sessions of shop-api at 10.0.0.7"));
}

void TestIdleGrowth::seekingEqualsPlaying_data()
{
    QTest::addColumn<QByteArray>("kind");
    QTest::newRow("starts of sessions told") << QByteArray("postgresql");
    QTest::newRow("not told") << QByteArray("mysql");
}

void TestIdleGrowth::seekingEqualsPlaying()
{
    QFETCH(QByteArray, kind);
    Server server(kind.constData());
    std::mt19937 random{11};
    std::vector<World> keyframes{World{}};
    std::vector<TargetFindings> played;
    const std::vector<std::string> places{"10.0.0.7", "10.0.0.8", "10.0.0.9"};
    const auto step = [&](int second) {
        for (const std::string& place : places) {
            if (second % 12 == 0)
                server.open("shop-api", place);
        }
        // Now and then an old one of one client works, or closes, or somebody holds.
        if (random() % 150 == 0 && !server.sessions().empty()) {
            auto any = server.sessions().begin();
            std::advance(any, random() % server.sessions().size());
            const auto what = random() % 3;
            if (what == 0)
                server.close(any->first);
            else
                server.set(any->first,
                           what == 1 ? SessionState::active : SessionState::idle_in_transaction);
        }
    };
    for (int second = 0; second < 2400; ++second) {
        step(second);
        server.sample(random() % 200 == 0);
        server.tick();
        if (random() % 40 == 0)
            keyframes.push_back(server.analysis.world());
    }
    Analysis replay;
    for (const Observation& o : server.observations) {
        WorldDelta ignored;
        replay.apply(o, ignored);
        played.push_back(replay.findings(target));
    }

    int grew = 0, differs = 0;
    const auto seek = [&](std::size_t to, Duration back) {
        const Timestamp at = server.observations[to].time - back;
        const World* nearest = &keyframes.front();
        for (const World& keyframe : keyframes) {
            if (keyframe.sequence().value > 0 && keyframe.now() <= at)
                nearest = &keyframe;
        }
        Analysis sought;
        sought.restore(*nearest);
        WorldDelta ignored;
        for (std::size_t i = nearest->sequence().value; i <= to; ++i)
            sought.fold(server.observations[i], ignored);
        sought.look();
        return sought.findings(target);
    };
    for (int i = 0; i < 300; ++i) {
        const std::size_t to = random() % server.observations.size();
        QVERIFY(seek(to, Analysis::longest_window) == played[to]);
        for (const SuspectedLeak& leak : played[to].suspects)
            grew += leak.growth ? 1 : 0;
        differs += seek(to, 0s) == played[to] ? 0 : 1;
    }
    QVERIFY2(grew > 50 && grew < 850, qPrintable(QString::number(grew)));
    QVERIFY2(differs > 10, "a keyframe close by does not do");
}

void TestIdleGrowth::clockSetBackIsHarmless()
{
    Server server;
    run(server, 400, {leak});
    const TargetState& state = *server.analysis.world().target(target);
    IdleHistory history;
    history.restore(state, server.now() + 1h);
    history.watch(state, {}, server.now());
    QVERIFY(!history.covers_window(server.now() + idle_window - 1s));
    QVERIFY(history.covers_window(server.now() + idle_window));
}

void TestIdleGrowth::countsHaveThinSpaces()
{
    QCOMPARE(count_in_words(0), std::string("0"));
    QCOMPARE(count_in_words(999), std::string("999"));
    QCOMPARE(count_in_words(2310), std::string("2\u2009310"));
    QCOMPARE(count_in_words(1234567), std::string("1\u2009234\u2009567"));
    QCOMPARE(count_in_words(-999), std::string("-999"));
    QCOMPARE(count_in_words(-123456), std::string("-123\u2009456"));
    QCOMPARE(count_of(1, "session"), std::string("1 session"));
    QCOMPARE(count_of(2310, "session"), std::string("2\u2009310 sessions"));
}

QTEST_APPLESS_MAIN(TestIdleGrowth)
#include "tst_idlegrowth.moc"
