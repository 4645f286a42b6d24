// SPDX-License-Identifier: GPL-3.0-or-later
// A report says of connections that a pool lists and its server has no more.
#include "tests/report/recorded.h"

#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

namespace {

constexpr TargetId server{1};
constexpr TargetId process{2};

AgentReported agent()
{
    AgentFacts facts;
    facts.process = "shop-api";
    facts.can = {"connections", "stacks", "server_pid", "local_port"};
    return {facts};
}

Session session(int pid, std::uint16_t port)
{
    Session s;
    s.key = {server, Pid{pid}, after(-600)};
    s.backend_type = Text{"client backend"};
    s.user = Text{"alice"};
    s.client = Text{"10.0.0.5:" + std::to_string(port)};
    s.state = SessionState::idle;
    s.state_since = after(0);
    return s;
}

PoolConnection connection(const char* id, int pid, std::uint16_t port)
{
    PoolConnection c;
    c.key = {Text{"orders"}, Text{id}};
    c.opened = after(-600);
    c.server_pid = pid;
    c.local_port = port;
    return c;
}

/// Two connections, one of them lent and never given back; at `lost` the server has them no more.
std::vector<std::tuple<int, TargetId, Fact>> story(int lost)
{
    std::vector<std::tuple<int, TargetId, Fact>> facts{
        {0, server,
         TargetAttached{{server, "postgresql", "db7", "postgresql://db7.corp.example/shop"}}},
        {0, process, TargetAttached{{process, "pool", "apphost7", "pool+unix:///run/shop.sock"}}},
        {0, server, StatusChanged{{Reach::up, {}, {}, {}}}},
        {0, process, StatusChanged{{Reach::up, {}, {}, {}}}},
        {0, process, agent()}};
    for (int second = 1; second <= 80; ++second) {
        ServerSample sample;
        sample.full = true;
        if (second < lost)
            sample.changed = {session(4711, 41000), session(4712, 41001)};
        PoolSample pools = taken(0, 1);
        pools.opened = {connection("k-1", 4711, 41000), connection("k-2", 4712, 41001)};
        Checkout held;
        held.key = {process, Text{"c-1"}};
        held.pool = Text{"orders"};
        held.connection = Text{"k-1"};
        held.server_pid = 4711;
        held.local_port = 41000;
        held.acquired = after(1);
        held.stack = make_stack({{Text{"load"}, Text{"/srv/orders.cpp"}, 42, true}});
        pools.changed = {held};
        facts.emplace_back(second, server, sample);
        facts.emplace_back(second, process, pools);
        facts.emplace_back(second, TargetId{}, Tick{});
    }
    return facts;
}

} // namespace

class TestReportLost : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void itSaysSo_data();
    void itSaysSo();

private:
    QTemporaryDir dir_;
};

void TestReportLost::itSaysSo_data()
{
    QTest::addColumn<bool>("lost");
    QTest::addColumn<bool>("redacted");
    QTest::newRow("lost") << true << false;
    QTest::newRow("lost, redacted") << true << true;
    QTest::newRow("there") << false << false;
}

void TestReportLost::itSaysSo()
{
    QFETCH(const bool, lost);
    QFETCH(const bool, redacted);
    const QString file =
        dir_.filePath(QStringLiteral("%1.poolrec").arg(QLatin1String(QTest::currentDataTag())));
    QVERIFY(record(file, story(lost ? 40 : 1000)));
    report::Question question;
    question.at = after(79);
    question.redact = redacted;
    const report::Incident incident = gatherFrom(file, question).incident;
    QCOMPARE(incident.lost.size(), std::size_t{lost ? 1U : 0U});
    const std::string html = report::html_of({"1.0", true, redacted, {incident}});
    const auto says = [&html](const char* words) {
        return html.find(words) != std::string::npos;
    };
    QCOMPARE(says("Connections that the server has lost"), lost);
    QCOMPARE(says(" lists 2 connections that the server ended, or lost the way to (sessions 4711, "
                  "4712), the latest"),
             lost);
    QCOMPARE(says("1 is lent. Each fails at its next use."), lost);
    QCOMPARE(says("Pool orders of apphost7 lists"), lost && !redacted);
    QVERIFY(!redacted || (!says("apphost7") && !says("db7")));
    // And of who holds one of them.
    QCOMPARE(incident.leaks.size(), std::size_t{1});
    const auto& evidence = incident.leaks.front().holders.front().evidence;
    QCOMPARE(std::any_of(evidence.begin(), evidence.end(),
                         [](const std::string& sentence) {
                             return sentence.starts_with("The server ended its session 4711 ");
                         }),
             lost);
}

QTEST_GUILESS_MAIN(TestReportLost)
#include "tst_reportlost.moc"
