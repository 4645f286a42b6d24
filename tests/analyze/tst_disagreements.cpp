// SPDX-License-Identifier: GPL-3.0-or-later
// What a pool and its server say differently of the same connections, and when nothing is said.
#include "core/analyze/analysis.h"
#include "core/analyze/lostconnection.h"

#include <QTest>

#include <map>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'795'270'000'000'000);
constexpr TargetId process{1};
constexpr TargetId server{2};

/// A process with three pooled connections and its server, moved second by second.
class Both
{
public:
    explicit Both(std::vector<std::string> can = {"connections", "server_pid", "local_port"})
    {
        observe(TargetAttached{{process, "pool", "shop-api", "pool+unix:///run/shop.sock"}},
                process);
        up(process);
        AgentFacts facts;
        facts.can = std::move(can);
        observe(AgentReported{facts}, process);
        observe(TargetAttached{{server, "postgresql", "shop-db", "postgresql://db/shop"}}, server);
        up(server);
        for (int i = 1; i <= 3; ++i) {
            pool(i);
            session(5000 + i, 41000 + i);
        }
        run(30);
    }

    void up(TargetId of) { observe(StatusChanged{{Reach::up, {}, {}, {}}}, of); }
    void down(TargetId of)
    {
        silent_ = of == process;
        observe(StatusChanged{{Reach::failing, "It closed the connection.", {}, {}}}, of);
    }
    void pool(int i, int pid = 0)
    {
        PoolConnection c;
        c.key = {Text{"shop"}, Text{"k-" + std::to_string(i)}};
        c.opened = now_ - 5min;
        if (pid >= 0)
            c.server_pid = pid > 0 ? pid : 5000 + i;
        c.local_port = static_cast<std::uint16_t>(41000 + i);
        connections_[i] = c;
    }
    void drop(int i) { connections_.erase(i); }
    Session& session(std::int64_t pid, int port, Duration age = 6min)
    {
        Session s;
        s.key = {server, Pid{pid}, now_ - age};
        s.backend_type = Text{"client backend"};
        s.application = Text{"shop"};
        s.user = Text{"shop"};
        s.client = port > 0 ? Text{"10.0.0.5:" + std::to_string(port)} : Text{"local"};
        s.state = SessionState::idle;
        s.state_since = now_;
        return sessions_[pid] = s;
    }
    void leave(std::int64_t pid) { sessions_.erase(pid); }

    void run(int seconds)
    {
        for (int i = 0; i < seconds; ++i) {
            now_ += 1s;
            ServerSample sample;
            sample.full = true;
            for (const auto& [pid, each] : sessions_)
                sample.changed.push_back(each);
            observe(sample, server);
            if (!silent_) {
                PoolSample pools;
                pools.full = true;
                Pool p;
                p.name = Text{"shop"};
                pools.pools = {p};
                for (const auto& [number, each] : connections_)
                    pools.opened.push_back(each);
                observe(pools, process);
            }
            observe(Tick{}, TargetId{0});
        }
    }

    std::vector<SuspectedLeak> found() const { return analysis.suspects(server); }
    std::vector<LostConnection> lost() const
    {
        const auto& all = analysis.disagreements().lost;
        const auto of = all.find(process);
        return of == all.end() ? std::vector<LostConnection>{} : of->second;
    }
    std::string evidence() const
    {
        const SuspectedLeak leak = found().front();
        std::string text;
        for (const std::string& sentence :
             evidence_of(leak, *analysis.world().target(server), LeakThresholds{}, now_))
            text += (text.empty() ? "" : " ") + sentence;
        return text;
    }
    Timestamp now() const { return now_; }

    Analysis analysis;

private:
    void observe(Fact fact, TargetId of)
    {
        WorldDelta ignored;
        analysis.apply({SequenceNumber{++n_}, now_, of, std::move(fact)}, ignored);
    }
    Timestamp now_ = start;
    std::uint64_t n_ = 0;
    bool silent_ = false;
    std::map<int, PoolConnection> connections_;
    std::map<std::int64_t, Session> sessions_;
};

} // namespace

class TestDisagreements : public QObject
{
    Q_OBJECT
private slots:
    void agreementIsSilent();
    void whatThePoolDroppedIsAnOrphan();
    void closedOnBothSidesIsNone();
    void aStatementOutlivesItsProcess();
    void aSilentProcessIsNotGone();
    void aSessionBesideThePools();
    void growingBeside();
    void silentWhereItCannotBeTold_data();
    void silentWhereItCannotBeTold();
    void theServerLostThem();
    void aReplacedConnectionIsNotLost();
};

void TestDisagreements::agreementIsSilent()
{
    Both both;
    both.run(400);
    QVERIFY(both.found().empty());
    QVERIFY(both.lost().empty());
}

void TestDisagreements::whatThePoolDroppedIsAnOrphan()
{
    Both both;
    both.drop(2);
    both.run(9);
    QVERIFY(both.found().empty()); // it may be on its way
    both.run(2);
    QCOMPARE(both.found().size(), std::size_t{1});
    QVERIFY(both.found().front().kind == LeakKind::orphan);
    QCOMPARE(name_of(LeakKind::orphan), std::string_view("orphan"));
    QCOMPARE(both.found().front().session.pid.value, std::int64_t{5002});
    QCOMPARE(both.found().front().pool.str(), std::string("shop"));
    QVERIFY2(both.evidence().starts_with("It was a connection of pool shop of shop-api, which "
                                         "dropped it 10 s ago. The server still has it."),
             both.evidence().c_str());
    both.leave(5002);
    both.run(1);
    QVERIFY(both.found().empty());
}

void TestDisagreements::closedOnBothSidesIsNone()
{
    Both both;
    both.drop(2);
    both.leave(5002);
    both.run(60);
    QVERIFY(both.found().empty());
    // Its pid and port given to another later.
    both.session(5002, 41002, 0s);
    both.run(5);
    QVERIFY(both.found().empty());
}

void TestDisagreements::aStatementOutlivesItsProcess()
{
    Both both;
    Session& s = both.session(5003, 41003);
    s.state = SessionState::active;
    s.statement_since = both.now();
    both.run(5);
    both.down(process);
    both.leave(5001);
    both.leave(5002);
    both.run(12);
    QCOMPARE(both.found().size(), std::size_t{1});
    QVERIFY(both.found().front().kind == LeakKind::orphan);
    QVERIFY(both.found().front().process_gone);
    QVERIFY2(both.evidence().find("for nobody") != std::string::npos, both.evidence().c_str());
}

/// The way to its agent was lost, not the process: its other sessions live.
void TestDisagreements::aSilentProcessIsNotGone()
{
    Both both;
    Session& s = both.session(5003, 41003);
    s.state = SessionState::active;
    s.statement_since = both.now();
    both.run(5);
    both.down(process);
    both.run(60);
    QVERIFY(both.found().empty());
}

void TestDisagreements::aSessionBesideThePools()
{
    Both both;
    both.session(6001, 42000, 1s);
    both.run(25);
    QVERIFY(both.found().empty());
    both.run(8);
    QCOMPARE(both.found().size(), std::size_t{1});
    QVERIFY(both.found().front().kind == LeakKind::bypass);
    QCOMPARE(both.found().front().session.pid.value, std::int64_t{6001});
    QVERIFY2(both.evidence().find("shop-api has 3 connections from the same address") !=
                 std::string::npos,
             both.evidence().c_str());
}

/// More than the pools have, but one after the other: no second process with a pool does that.
void TestDisagreements::growingBeside()
{
    Both both;
    for (int i = 0; i < 8; ++i) {
        both.session(6001 + i, 42000 + i, 0s);
        both.run(10);
    }
    both.run(30);
    QCOMPARE(both.found().size(), std::size_t{8});
}

void TestDisagreements::silentWhereItCannotBeTold_data()
{
    QTest::addColumn<int>("why");
    int n = 0;
    for (const char* const why :
         {"another address", "another application", "another user", "a Unix socket",
          "as many at once as the pools have", "a server pid is unknown", "another agent is silent",
          "no list of connections", "a pooler between", "it works"})
        QTest::addRow("%s", why) << n++;
}

void TestDisagreements::silentWhereItCannotBeTold()
{
    QFETCH(int, why);
    Both both = why == 7 ? Both{{"stats"}} : Both{};
    const auto beside = [&]() -> Session& {
        return both.session(6001, 42000, 20min);
    };
    switch (why) {
    case 0:
        beside().client = Text{"10.0.0.6:42000"};
        break;
    case 1:
        beside().application = Text{"psql"};
        break;
    case 2:
        beside().user = Text{"dba"};
        break;
    case 3:
        both.session(6001, 0, 20min);
        break;
    case 4:
        for (int i = 0; i < 3; ++i)
            both.session(6001 + i, 42000 + i, 20min);
        break;
    case 5:
        beside();
        both.pool(9, -1);
        break;
    case 6: {
        beside();
        WorldDelta ignored;
        both.analysis.apply({SequenceNumber{100'000}, both.now(), TargetId{7},
                             TargetAttached{{TargetId{7}, "pool", "other", ""}}},
                            ignored);
        break;
    }
    case 8: // the pool is told made-up pids, and the server sees the pooler's ports
        for (int i = 1; i <= 3; ++i) {
            both.leave(5000 + i);
            both.pool(i, 900 + i);
        }
        for (int i = 0; i < 4; ++i)
            both.session(6001 + i, 43000 + i, 20min);
        break;
    default:
        beside();
        break;
    }
    for (int i = 0; i < 60; ++i) {
        if (why == 9)
            both.session(6001, 42000, 20min).state_since = both.now();
        both.run(1);
        QVERIFY(both.found().empty());
    }
}

void TestDisagreements::theServerLostThem()
{
    Both both;
    both.leave(5001);
    both.leave(5002);
    both.run(9);
    QVERIFY(both.lost().empty());
    both.run(2);
    QCOMPARE(both.lost().size(), std::size_t{2});
    QCOMPARE(both.lost().front().connection.id.str(), std::string("k-1"));
    QCOMPARE(both.lost().front().session.pid.value, std::int64_t{5001});
    // In words, on whoever holds it, and on its pool.
    Checkout holder;
    holder.pool = both.lost().front().connection.pool;
    holder.connection = Text("k-1");
    const std::string words = lost_in_words(both.lost(), holder, both.now());
    QVERIFY2(words.starts_with("The server ended its session 5001 1") &&
                 words.find(" s ago") != std::string::npos,
             words.c_str());
    holder.connection = Text("k-3");
    QCOMPARE(lost_in_words(both.lost(), holder, both.now()), std::string());
    const std::string line = lost_in_words(both.lost(), holder.pool, both.now());
    QVERIFY2(line.starts_with("lists 2 connections that the server ended, or lost the way to "
                              "(sessions 5001, 5002), the latest 1") &&
                 line.find("; none is lent. Each fails") != std::string::npos,
             line.c_str());
    QCOMPARE(lost_in_words(both.lost(), Text("another"), both.now()), std::string());
    both.drop(1);
    both.drop(2);
    both.run(1);
    QVERIFY(both.lost().empty());
}

void TestDisagreements::aReplacedConnectionIsNotLost()
{
    Both both;
    both.leave(5001);
    both.pool(1, 5009);
    both.session(5009, 41001, 1s);
    both.run(30);
    QVERIFY(both.lost().empty());
}

QTEST_APPLESS_MAIN(TestDisagreements)
#include "tst_disagreements.moc"
