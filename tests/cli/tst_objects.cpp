// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "app/cli/screen.h"
#include "core/capture/updatebuilder.h"
#include "core/report/texttable.h"
#include "tests/cli/objectarrays.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

/// The JSON of DESIGN section 9, and the text beside it, of a small incident.
class TestObjects : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void sessionKeys();
    void sessionValues();
    void leakKeys();
    void statesKeys();
    void blockingKeys();
    void infoKeys();
    void infoOfAnEmptyRecording();
    void keysStandInTheirOrder();
    void ownSessionsAreLeftOut();
    void ownSessionsOfAnotherTarget_data();
    void ownSessionsOfAnotherTarget();
    void jsonSurvivesHostileText();
    void textIsClean();
    void screenFits();
    void widths();
    void instants();

private:
    static QStringList keysOf(const QJsonValue& value);
    QJsonArray array(void (*write)(JsonWriter&, const Picture&)) const
    {
        return support::arrayOf(write, picture_);
    }
    Picture picture_;
};

namespace {

const Timestamp noon = timestamp_from_us(1795262400000000); // 2026-11-21T12:00:00Z

Session session(std::int64_t pid, SessionState state, const char* application)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, noon - 1h};
    s.user = Text{"shop"};
    s.database = Text{"shop"};
    s.application = Text{application};
    s.client = Text{"10.0.0.1:5432"};
    s.backend_type = Text{"client backend"};
    s.state = state;
    s.state_since = noon - 400s;
    s.statement = Text{"UPDATE t SET a = 1"};
    return s;
}

} // namespace

void TestObjects::initTestCase()
{
    Analysis analysis;
    WorldDelta ignored;
    std::uint64_t sequence = 0;
    const auto observe = [&](const Fact& fact) {
        analysis.apply({SequenceNumber{++sequence}, noon, TargetId{1}, fact}, ignored);
    };
    observe(TargetAttached{{TargetId{1}, "postgresql", "shop-db", "postgresql://dba@db1/shop"}});
    TargetStatus up;
    up.reach = Reach::up;
    observe(StatusChanged{up});
    ServerFacts facts;
    facts.version = "15.8";
    facts.max_connections = 4;
    facts.reserved = 3;
    facts.sees_all = true;
    observe(FactsReported{facts});
    ServerSample sample;
    sample.full = true;
    sample.next_xid = 1000;
    Session holder = session(100, SessionState::idle_in_transaction, "shop-api");
    holder.transaction_since = noon - 500s;
    holder.xmin = 990;
    Session waiter =
        session(200, SessionState::waiting, "<b>evil</b>\x1b[31m\xe2\x80\xae \"quoted\\\"\n");
    waiter.blocked_by = {Pid{100}};
    waiter.wait_event = Text{"Lock/transactionid"};
    Session hidden = session(300, SessionState::unknown, "");
    hidden.key.started = timestamp_from_us(0);
    hidden.state_since.reset();
    hidden.application = Text{};
    hidden.statement = Text{};
    Session own = session(400, SessionState::active, "poolscope");
    own.own = true;
    sample.changed = {holder, waiter, hidden, own};
    observe(sample);
    UpdateBuilder builder;
    picture_.apply(*builder.build(analysis));
    QCOMPARE(picture_.rows.size(), std::size_t{4});
}

QStringList TestObjects::keysOf(const QJsonValue& value)
{
    QStringList keys = value.toObject().keys();
    keys.sort();
    return keys;
}

namespace {

QStringList sorted(const char* keys)
{
    QStringList all = QString::fromLatin1(keys).split(QLatin1Char(' '));
    all.sort();
    return all;
}

constexpr const char* sessionKeyNames =
    "target pid started user database application client state state_age_us transaction_age_us "
    "wait_event blocked_by blocks id backend_type xmin_age checkout joined_by query";

} // namespace

void TestObjects::sessionKeys()
{
    const QJsonArray all = array(writeSessions);
    QCOMPARE(all.size(), 3);
    for (const QJsonValue& one : all)
        QCOMPARE(keysOf(one), sorted(sessionKeyNames));
}

void TestObjects::sessionValues()
{
    const QJsonArray all = array(writeSessions);
    const auto withPid = [&all](int pid) {
        for (const QJsonValue& one : all) {
            if (one.toObject().value(QStringLiteral("pid")).toInt() == pid)
                return one.toObject();
        }
        return QJsonObject{};
    };
    const auto of = [](const QJsonObject& object, const char* key) {
        return object.value(QLatin1String(key));
    };
    const QJsonObject holder = withPid(100);
    QCOMPARE(of(holder, "target").toString(), QStringLiteral("postgresql://dba@db1/shop"));
    QCOMPARE(of(holder, "started").toString(), QStringLiteral("2026-11-21T11:00:00.000000Z"));
    QCOMPARE(of(holder, "state").toString(), QStringLiteral("idle_in_transaction"));
    QCOMPARE(of(holder, "state_age_us").toInteger(), qint64{400000000});
    QCOMPARE(of(holder, "transaction_age_us").toInteger(), qint64{500000000});
    QCOMPARE(of(holder, "blocks").toInt(), 1);
    QCOMPARE(of(holder, "xmin_age").toInt(), 10);
    QCOMPARE(of(holder, "id").toString(), QStringLiteral("pg-100-1795258800000000"));
    QVERIFY(of(holder, "checkout").isNull());
    QVERIFY(of(holder, "wait_event").isNull());
    QCOMPARE(of(withPid(200), "blocked_by").toArray(), QJsonArray{100});
    const QJsonObject hidden = withPid(300);
    for (const char* const key : {"started", "state", "state_age_us", "application", "query"})
        QVERIFY2(of(hidden, key).isNull(), key);
}

void TestObjects::leakKeys()
{
    const QJsonArray all = array(writeLeaks);
    QCOMPARE(all.size(), 1);
    QCOMPARE(keysOf(all.first()),
             sorted("target kind severity pool checkout server_pid age_us acquired_by tags stack "
                    "evidence joined_by group session"));
    const QJsonObject leak = all.first().toObject();
    QCOMPARE(leak.value(QStringLiteral("severity")).toString(), QStringLiteral("critical"));
    QCOMPARE(leak.value(QStringLiteral("kind")).toString(), QStringLiteral("session"));
    QCOMPARE(leak.value(QStringLiteral("server_pid")).toInt(), 100);
    QVERIFY(leak.value(QStringLiteral("evidence")).toArray().size() >= 2);
    QCOMPARE(keysOf(leak.value(QStringLiteral("session"))), sorted(sessionKeyNames));
}

void TestObjects::statesKeys()
{
    const QJsonArray all = array(writeAllStates);
    QCOMPARE(all.size(), 1);
    const QJsonObject states = all.first().toObject();
    QCOMPARE(keysOf(states), sorted("target time counts max_connections reserved"));
    QCOMPARE(keysOf(states.value(QStringLiteral("counts"))),
             sorted("active idle idle_in_transaction idle_in_transaction_aborted waiting other "
                    "unknown"));
    QCOMPARE(states.value(QStringLiteral("max_connections")).toInt(), 4);
}

void TestObjects::blockingKeys()
{
    const QJsonArray all = array(writeAllBlocking);
    QCOMPARE(all.size(), 1);
    const QJsonObject tree = all.first().toObject();
    QCOMPARE(keysOf(tree), sorted("target root waiting since cycle checkout stack tree"));
    QCOMPARE(keysOf(tree.value(QStringLiteral("root"))), sorted(sessionKeyNames));
    QCOMPARE(tree.value(QStringLiteral("waiting")).toInt(), 1);
    QCOMPARE(tree.value(QStringLiteral("cycle")), QJsonValue(false));
    QCOMPARE(keysOf(tree.value(QStringLiteral("tree"))),
             sorted("pid blocks queued session waiting"));
    const QJsonArray waiting =
        tree.value(QStringLiteral("tree")).toObject().value(QStringLiteral("waiting")).toArray();
    QCOMPARE(waiting.first().toObject().value(QStringLiteral("pid")).toInt(), 200);
}

void TestObjects::infoKeys()
{
    RecordingInfo info;
    info.file = "a.poolrec";
    info.started = noon;
    info.ended = noon + 90s;
    info.observations = 2;
    info.targets = {picture_.targets.front().info};
    JsonWriter json;
    writeInfo(json, info);
    const QJsonValue value =
        QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).object();
    QCOMPARE(keysOf(value), sorted("file version started ended duration_us targets observations "
                                   "gaps complete"));
    QCOMPARE(value.toObject().value(QStringLiteral("duration_us")).toInteger(), qint64{90000000});
    QVERIFY(value.toObject().value(QStringLiteral("started")).isString());
    QVERIFY(infoText(info).find("2026") != std::string::npos);
}

/// Cut off before anything was seen, it has no time.
void TestObjects::infoOfAnEmptyRecording()
{
    const RecordingInfo none;
    JsonWriter json;
    writeInfo(json, none);
    const QJsonObject object =
        QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).object();
    QVERIFY(object.value(QStringLiteral("started")).isNull());
    QVERIFY(object.value(QStringLiteral("ended")).isNull());
    QVERIFY(infoText(none).find("1970") == std::string::npos);
    QVERIFY(infoText(none).find("nothing was observed") != std::string::npos);
}

void TestObjects::keysStandInTheirOrder()
{
    JsonWriter json;
    writeSession(json, picture_, picture_.targets.front(), picture_.rows.begin()->second);
    std::size_t at = 0;
    for (const QString& key : QString::fromLatin1(sessionKeyNames).split(QLatin1Char(' '))) {
        const std::size_t found = json.text().find('"' + key.toStdString() + "\":", at);
        QVERIFY2(found != std::string::npos, qPrintable(key));
        at = found;
    }
}

void TestObjects::ownSessionsAreLeftOut()
{
    for (const QJsonValue& one : array(writeSessions))
        QVERIFY(one.toObject().value(QStringLiteral("pid")).toInt() != 400);
    QVERIFY(sessionsText(picture_, 0).find("  400  ") == std::string::npos);
}

void TestObjects::ownSessionsOfAnotherTarget_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<int>("later"); ///< seconds, of the start
    QTest::addColumn<QString>("client");
    QTest::addColumn<QString>("otherKind");
    QTest::addColumn<bool>("out");
    const auto row = [](const char* name, const char* kind, int later, const char* client,
                        const char* other, bool out) {
        QTest::newRow(name) << QString::fromLatin1(kind) << later << QString::fromLatin1(client)
                            << QString::fromLatin1(other) << out;
    };
    row("one server", "postgresql", 0, "10.0.0.1:5432", "postgresql", true);
    row("another life of its pid", "postgresql", 1, "10.0.0.1:5432", "postgresql", false);
    row("another kind of server", "postgresql", 0, "10.0.0.1:5432", "mysql", false);
    // It counts the server's life in whole seconds.
    row("one MySQL", "mysql", 1, "10.0.0.1:5432", "mysql", true);
    row("one MySQL, its port not told", "mysql", 0, "10.0.0.1", "mysql", true);
    row("two that were started together", "mysql", 0, "10.0.0.1:5433", "mysql", false);
    row("another life of MySQL", "mysql", 9, "10.0.0.1:5432", "mysql", false);
}

/// Two targets on one server: to each, the session of the other is anybody's.
void TestObjects::ownSessionsOfAnotherTarget()
{
    QFETCH(const QString, kind);
    QFETCH(const int, later);
    QFETCH(const QString, client);
    QFETCH(const QString, otherKind);
    QFETCH(const bool, out);
    Update update;
    update.reset = true;
    update.now = noon;
    update.actions = std::make_shared<const std::vector<ActionRecord>>();
    for (const auto& [id, one] : {std::pair{1U, kind}, std::pair{2U, otherKind}}) {
        TargetSummary target;
        target.info = {TargetId{id}, one.toStdString(), "db" + std::to_string(id), "service=db"};
        update.targets.push_back(target);
    }
    SessionRow own, seen, client_of;
    own.session = session(400, SessionState::active, "poolscope");
    own.session.own = true;
    seen.session = session(400, SessionState::active, "poolscope");
    seen.session.key.target = TargetId{2};
    seen.session.key.started += std::chrono::seconds{later};
    seen.session.client = Text{client.toStdString()};
    client_of.session = session(401, SessionState::active, "shop-api");
    client_of.session.key.target = TargetId{2};
    update.changed = {own, seen, client_of};
    Picture picture;
    picture.apply(update);
    JsonWriter json;
    json.begin_array();
    writeSessions(json, picture);
    json.end_array();
    const QJsonArray all = QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).array();
    QCOMPARE(all.size(), out ? 1 : 2);
    QCOMPARE(worstFirst(picture).size(), out ? std::size_t{1} : std::size_t{2});
}

void TestObjects::jsonSurvivesHostileText()
{
    for (const QJsonValue& one : array(writeSessions)) {
        const QJsonObject object = one.toObject();
        if (object.value(QStringLiteral("pid")).toInt() == 200)
            QCOMPARE(object.value(QStringLiteral("application")).toString(),
                     QString::fromUtf8("<b>evil</b>\x1b[31m\xe2\x80\xae \"quoted\\\"\n"));
    }
}

void TestObjects::textIsClean()
{
    std::string all = sessionsText(picture_, 0) + leaksText(picture_, 0) +
                      blockingText(picture_, 0) + statesText(picture_, 0);
    for (const std::string& line : screenLines(picture_, {100, 40}, false, "q quits"))
        all += line + '\n';
    QVERIFY(all.find('\x1b') == std::string::npos);
    QVERIFY(all.find("\xe2\x80\xae") == std::string::npos);
    QVERIFY(all.find("<b>evil</b>") != std::string::npos);
    QVERIFY(all.find("critical") != std::string::npos);
    QVERIFY(all.find("1 session waits behind it.") != std::string::npos);
}

void TestObjects::screenFits()
{
    for (const int columns : {20, 40, 80, 119, 120, 200}) {
        for (const int rows : {1, 5, 10, 24, 50}) {
            const auto lines = screenLines(picture_, {columns, rows}, false, "q quits");
            QVERIFY(static_cast<int>(lines.size()) <= rows);
            for (const std::string& line : lines)
                QVERIFY2(display_width(line) <= columns, line.c_str());
        }
    }
    const auto lines = screenLines(picture_, {100, 40}, false, "");
    QVERIFY(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
        return line.find("4 of 4 connections (3 reserved)  FULL") != std::string::npos;
    }));
    // Nothing of the counts is cut at the width of an ordinary terminal.
    std::string narrow;
    for (const std::string& line : screenLines(picture_, {60, 24}, false, ""))
        narrow += line + '\n';
    for (const char* state :
         {"idle in transaction (aborted) 0", "waiting for lock", "active", "idle"})
        QVERIFY2(narrow.find(state) != std::string::npos, state);
    // What hurts comes first: the holder, then who waits for it.
    QCOMPARE(worstFirst(picture_).front()->session.key.pid, Pid{100});
    QCOMPARE(worstFirst(picture_)[1]->session.key.pid, Pid{200});
}

void TestObjects::widths()
{
    QCOMPARE(display_width("abc"), 3);
    QCOMPARE(display_width("ä…"), 2);
    QCOMPARE(shortened("abcdef", 4), std::string{"abc…"});
    QCOMPARE(fitted("ab", 4), std::string{"ab  "});
    QCOMPARE(fitted("ab", 4, true), std::string{"  ab"});
    QCOMPARE(shortened("\xf0\x9f", 1), std::string{"\xf0\x9f"}); // cut short: no reading past it
    QCOMPARE(shortened("abc", 0), std::string{});
}

void TestObjects::instants()
{
    const Timestamp end = noon + 14h; // past midnight
    const auto at = [&](const char* text) {
        return instantWithin(text, noon, end);
    };
    QCOMPARE(at("2026-11-21T12:30:00Z").value(), noon + 30min);
    QCOMPARE(at("12:30").value(), noon + 30min);
    QCOMPARE(at("12:30:15.5").value(), noon + 30min + 15500ms);
    QCOMPARE(at("01:00:00").value(), noon + 13h);
    QCOMPARE(at("2026-11-23T00:00:00Z").value(), end);
    QVERIFY(!at("11:59:00"));
    QVERIFY(!at("2026-11-20T12:00:00Z"));
    QVERIFY(!at("soon"));
    QVERIFY(!at("25:00:00"));
    QVERIFY(!at(""));
}

QTEST_GUILESS_MAIN(TestObjects)
#include "tst_objects.moc"
