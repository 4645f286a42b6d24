// SPDX-License-Identifier: GPL-3.0-or-later
// What is said of who holds connections: sentences, names of places, stacks as text, pools.
#include "tests/support/poolscene.h"
#include "tests/support/updates.h"
#include "ui/models/findings.h"
#include "ui/models/placewords.h"

#include <QTest>

using namespace poolscope;
using poolscope::support::PoolScene;

namespace {

StackLine frame(const char* function, const char* file, int line)
{
    return {Text(function), Text(file), line, true};
}

/// A leak of an application behind PgBouncer, as it, the pooler and the server tell it.
struct Sides
{
    Sides()
    {
        update.reset = true;
        update.now = timestamp_from_us(1'795'271'527'000'000);
        const char* const kinds[] = {"pool", "pgbouncer", "postgresql"};
        for (std::uint32_t i = 0; i < 3; ++i) {
            TargetSummary& target = update.targets.emplace_back();
            target.info = {TargetId{i + 1}, kinds[i], kinds[i], kinds[i]};
            target.status.reach = Reach::up;
        }
        add(0, "a", 1'900'000'000, 5000, make_stack({frame("order", "/srv/leak.py", 10)}));
        Checkout& pooled = add(1, "h", 100, 7000, nullptr);
        pooled.tags.emplace_back(Text("client"), Text("10.0.0.1:5000"));
        update.targets[1].places[0].full_in = Duration{0};
        SessionRow row;
        row.session.key = {TargetId{3}, Pid{100}, update.now - std::chrono::hours{1}};
        row.session.client = Text("10.0.0.3:7000");
        row.session.state = SessionState::idle_in_transaction;
        update.changed = {row};
        SuspectedLeak& leak = update.targets[2].suspects.emplace_back();
        leak.session = row.session.key;
        leak.since = update.now - std::chrono::minutes{1};
        leak.group = "shop";
        leak.severity = LeakSeverity::critical;
        update.targets[2].evidence.emplace_back();
    }
    Checkout& add(std::size_t target, const char* id, std::int64_t pid, std::uint16_t port,
                  const StackRef& stack)
    {
        Checkout& made = update.checkouts.emplace_back();
        made.key = {update.targets[target].info.id, Text(id)};
        made.pool = Text("orders");
        made.server_pid = pid;
        made.local_port = port;
        made.acquired = update.now - std::chrono::minutes{1};
        made.stack = stack;
        Place& place = update.targets[target].places.emplace_back();
        place.pool = made.pool;
        place.stack = stack;
        place.severity = LeakSeverity::alert;
        place.suspected = 1;
        place.holders = {
            {made.key, LeakSeverity::alert, std::chrono::seconds{target == 0 ? 60 : 61}}};
        return made;
    }
    Answer answer() const
    {
        SessionStore store;
        store.apply(update);
        return leaksAnswer(store);
    }
    int count() const
    {
        SessionStore store;
        store.apply(update);
        return leakCount(store);
    }

    Update update;
};

} // namespace

class LeakWordsTest : public QObject
{
    Q_OBJECT
private slots:
    void sentences();
    void oneLeakFromThreeSides();
    void itCountsOnce();
    void manyCountOnceEach();
    void names_data();
    void names();
    void stacksAsText();
    void poolsOnTheOverview();
};

void LeakWordsTest::sentences()
{
    PoolScene scene;
    SessionStore store;
    Update update = scene.take(true);
    store.apply(update);
    const Answer answer = leaksAnswer(store);
    QCOMPARE(answer.sentence, QStringLiteral("14 connections of shop are held by checkout.cpp:88, "
                                             "20 of 20 in use, 4 wait"));
    QCOMPARE(answer.explanation, QStringLiteral("the oldest for 5 min 19 s, 2.7 more a minute"));
    QCOMPARE(answer.severity, 2);
    QCOMPARE(overviewAnswer(store).sentence, answer.sentence);
    QVERIFY(!overviewAnswer(store).session);
    // While something is left: how long that lasts.
    Update before = update;
    before.targets.front().places.front().full_in = std::chrono::seconds{260};
    store.apply(before);
    QCOMPARE(leaksAnswer(store).explanation,
             QStringLiteral("the oldest for 5 min 19 s, 2.7 more a minute, nothing is free in "
                            "4 min 20 s"));
    // What the process did not report is not said.
    for (Pool& pool : update.targets.front().pools) {
        pool.max.reset();
        pool.pending.reset();
    }
    store.apply(update);
    QCOMPARE(leaksAnswer(store).sentence,
             QStringLiteral("14 connections of shop are held by checkout.cpp:88, 20 in use"));
    // Without suspects: long-running ones are no leak.
    std::erase_if(update.targets.front().places, [](const Place& p) { return p.suspected > 0; });
    store.apply(update);
    QCOMPARE(leaksAnswer(store).kind, Answer::Kind::healthy);
    QCOMPARE(
        leaksAnswer(store).sentence,
        QStringLiteral("No connection is held past the threshold. 1 is long-running: expected, "
                       "alive or at work."));
    QCOMPARE(overviewAnswer(store).sentence, QStringLiteral("No pool is near its limit"));
    // An exhausted pool is no good news, even where nobody is suspected.
    update.targets.front().pools.at(1).max = 20;
    store.apply(update);
    QCOMPARE(overviewAnswer(store).sentence, QStringLiteral("shop of shop-api: 20 of 20 in use"));
}

/// It is one, and the line of code tells it.
void LeakWordsTest::oneLeakFromThreeSides()
{
    const Answer one = Sides().answer();
    QCOMPARE(one.sentence, QStringLiteral("1 connection of orders is held by leak.py:10"));
    QCOMPARE(one.explanation, QStringLiteral("the oldest for 1 min"));
    QCOMPARE(one.severity, 2); // as the server has it
    // Another client of the pooler is another leak, and so is another session; the line still
    // leads.
    Sides apart;
    apart.update.checkouts[1].tags = {{Text("client"), Text("10.0.0.2:5001")}};
    apart.update.changed[0].session.client = Text("10.0.0.3:7001");
    apart.update.targets[2].suspects[0].severity = LeakSeverity::alert;
    const Answer several = apart.answer();
    QCOMPARE(several.sentence, one.sentence);
    QCOMPARE(several.explanation, QStringLiteral("the oldest for 1 min, 1 other line holds too; "
                                                 "1 session held open by shop"));
    // What the application says is no leak does not make the server's one.
    Sides working;
    working.update.targets[0].places[0].suspected = 0;
    working.update.targets[0].places[0].holders[0].severity = LeakSeverity::none;
    QVERIFY(working.answer().explanation.contains(QStringLiteral("held through the pooler")));
    QCOMPARE(working.answer().sentence, QStringLiteral("1 session held open by shop"));
}

void LeakWordsTest::itCountsOnce()
{
    const Sides all;
    QCOMPARE(suspectedCount(all.update.targets), 3);
    QCOMPARE(all.count(), 1);
    // Seen from two sides alone, whichever they are.
    for (std::size_t hidden = 0; hidden < 3; ++hidden) {
        Sides two;
        two.update.targets[hidden].places.clear();
        two.update.targets[hidden].suspects.clear();
        QCOMPARE(suspectedCount(two.update.targets), 2);
        QCOMPARE(two.count(), 1);
    }
    // What the application says is no leak is still one that both others tell of.
    Sides working;
    working.update.targets[0].places[0].suspected = 0;
    working.update.targets[0].places[0].holders[0].severity = LeakSeverity::none;
    QCOMPARE(working.count(), 1);
    // Another client of the pooler, whose session is the server's: two leaks.
    Sides other;
    other.update.checkouts[1].tags = {{Text("client"), Text("10.0.0.2:5001")}};
    QCOMPARE(other.count(), 2);
    // And another session: three. So are those past the pools, and those that only grow.
    other.update.changed[0].session.client = Text("10.0.0.3:7001");
    QCOMPARE(other.count(), 3);
    for (const LeakKind kind : {LeakKind::bypass, LeakKind::orphan}) {
        Sides past;
        past.update.targets[2].suspects[0].kind = kind;
        QCOMPARE(past.count(), 2);
    }
    Sides grows;
    grows.update.targets[2].suspects[0].growth.emplace();
    QCOMPARE(grows.count(), 2);
}

void LeakWordsTest::manyCountOnceEach()
{
    Sides many;
    constexpr int more = 600;
    for (int i = 1; i <= more; ++i) {
        const std::string n = std::to_string(i);
        const auto port = static_cast<std::uint16_t>(10'000 + i);
        many.add(0, ("a" + n).c_str(), 1'900'000'000 + i, port, nullptr);
        const auto pooled = static_cast<std::uint16_t>(20'000 + i);
        many.add(1, ("h" + n).c_str(), 1000 + i, pooled, nullptr)
            .tags.emplace_back(Text("client"), Text("10.0.0.1:" + std::to_string(port)));
        SessionRow row = many.update.changed.front();
        row.session.key.pid = Pid{1000 + i};
        row.session.client = Text("10.0.0.3:" + std::to_string(pooled));
        many.update.changed.push_back(row);
        SuspectedLeak leak = many.update.targets[2].suspects.front();
        leak.session = row.session.key;
        many.update.targets[2].suspects.push_back(leak);
        many.update.targets[2].evidence.emplace_back();
    }
    QCOMPARE(suspectedCount(many.update.targets), 3 * (more + 1));
    QCOMPARE(many.count(), more + 1);
}

void LeakWordsTest::names_data()
{
    QTest::addColumn<QString>("function");
    QTest::addColumn<QString>("file");
    QTest::addColumn<int>("line");
    QTest::addColumn<QString>("lead");
    QTest::addColumn<QString>("rest");
    const auto s = [](const char* text) {
        return QString::fromUtf8(text);
    };
    QTest::newRow("C++") << s("shop::Cart::place_order") << s("/a/b/checkout.cpp") << 88
                         << s("checkout.cpp:88") << s("place_order()");
    QTest::newRow("template") << s("shop::run<std::vector<int>>") << s("x.h") << 1 << s("x.h:1")
                              << s("run<std::vector<int>>");
    QTest::newRow("lambda") << s("main::{lambda(int)#1}") << s("m.cpp") << 2 << s("m.cpp:2")
                            << s("{lambda(int)#1}");
    QTest::newRow("Java") << s("com.shop.OrderRepository.lockForUpdate")
                          << s("OrderRepository.java") << 88 << s("OrderRepository.java:88")
                          << s("lockForUpdate()");
    QTest::newRow("Go") << s("github.com/shop/ledger.(*Store).Post") << s("/go/transfer.go") << 140
                        << s("transfer.go:140") << s("Post()");
    QTest::newRow("Windows") << s("f") << s("C:\\src\\a.cpp") << 7 << s("a.cpp:7") << s("f()");
    QTest::newRow("no line") << s("f") << s("a.cpp") << 0 << s("a.cpp") << s("f()");
    QTest::newRow("no file") << s("shop::f") << QString() << 3 << s("f()") << QString();
    QTest::newRow("no function") << QString() << s("a.cpp") << 3 << s("a.cpp:3") << QString();
    QTest::newRow("nothing") << QString() << QString() << 0 << s("no stack") << QString();
    QTest::newRow("a folder's name") << s("f") << s("src/") << 1 << s("src/:1") << s("f()");
    QTest::newRow("brackets that do not match")
        << s("a::>>)))b(((<<") << s("a.c") << 1 << s("a.c:1") << s("a::>>)))b(((<<");
    QTest::newRow("rich") << s("<b>f") << s("<i>.cpp") << 1 << s("<i>.cpp:1") << s("<b>f()");
}

void LeakWordsTest::names()
{
    QFETCH(QString, function);
    QFETCH(QString, file);
    QFETCH(int, line);
    QFETCH(QString, lead);
    QFETCH(QString, rest);
    const StackRef stack =
        make_stack({{Text(function.toStdString()), Text(file.toStdString()), line, true}});
    const PlaceName name = placeName(stack.get());
    QCOMPARE(name.lead, lead);
    QCOMPARE(name.rest, rest);
}

void LeakWordsTest::stacksAsText()
{
    const StackRef stack =
        make_stack({frame("a\x1b[31m\nb", "x\ny.cpp", 3), {}, frame("", "q", 0)});
    const QStringList lines = stackText(stack.get()).split(u'\n');
    QCOMPARE(lines.size(), 3);
    QVERIFY(!lines.first().contains(QChar(0x1b)));
    QVERIFY(lines.first().endsWith(QStringLiteral("(x y.cpp:3)")));
    QCOMPARE(lines.at(1), QStringLiteral("?"));
    QCOMPARE(lines.at(2), QStringLiteral("? (q)"));
    QCOMPARE(stackText(nullptr), QString());
    // A name of no compiler's is bounded, and its line still stands at its end.
    const StackRef absurd = make_stack({frame("f", std::string(5000, 'x').c_str(), 12)});
    QVERIFY(placeName(absurd.get()).lead.size() < 100);
    QVERIFY(placeName(absurd.get()).lead.endsWith(QStringLiteral(":12")));
}

void LeakWordsTest::poolsOnTheOverview()
{
    PoolScene scene;
    SessionStore store;
    Update update = scene.take(true);
    store.apply(update);
    const auto servers = makeServerModel(nullptr);
    servers->replace(serverRows(store));
    QCOMPARE(servers->index(0, int(ServerColumn::used)).data().toString(), QStringLiteral("20/20"));
    QCOMPARE(servers->index(0, int(ServerColumn::suspects)).data().toString(),
             QStringLiteral("14"));
    QCOMPARE(servers->index(0, int(ServerColumn::waiting)).data().toString(), QString());
    update.targets.front().pools.clear();
    store.apply(update);
    servers->replace(serverRows(store));
    QCOMPARE(servers->index(0, int(ServerColumn::used)).data().toString(),
             Formatter::notReported());
}

QTEST_GUILESS_MAIN(LeakWordsTest)
#include "tst_leakwords.moc"
