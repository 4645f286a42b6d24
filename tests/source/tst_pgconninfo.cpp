// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/connectlimit.h"
#include "core/source/pgconninfo.h"
#include "core/source/registry.h"
#include "core/source/sshtunnel.h"

#include <QFile>
#include <QScopeGuard>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;

class TestPgConninfo : public QObject
{
    Q_OBJECT
private slots:
    void classifies_data();
    void classifies();
    void stripsSecrets_data();
    void stripsSecrets();
    void strippedStillAttaches();
    void services();
    void precedence();
    void endpoints();
    void connectTimeouts();
    void passwordFile();
    void sshHosts();
    void makesNothingOfRecordings();
    void unknownOptions();

private:
    QTemporaryDir dir_;
};

/// Named where it is nearly one; else it may be a piece of a password.
void TestPgConninfo::unknownOptions()
{
    const auto said = [](const char* conninfo) {
        const Result<PgParams> read = parseConninfo(QString::fromUtf8(conninfo));
        return read ? QString()
                    : QString::fromStdString(read.error().sentence + " " + read.error().next_step);
    };
    QVERIFY(said("host=h sslmod=require").contains(QStringLiteral("Did you mean sslmode?")));
    QVERIFY(said("host=h pasword=hush").contains(QStringLiteral("pasword")));
    QVERIFY(!said("host=h pasword=hush").contains(QStringLiteral("hush")));
    QVERIFY(said("postgresql://h/d?aplication_name=x")
                .contains(QStringLiteral("Did you mean application_name?")));
    const QString secret = said("host=h password=my secret=word");
    QVERIFY2(secret.contains(QStringLiteral("option that libpq does not know")) &&
                 !secret.contains(QStringLiteral("secret")),
             qPrintable(secret));
    QVERIFY(!said("host=h password='open").contains(QStringLiteral("open")));
}

void TestPgConninfo::classifies_data()
{
    QTest::addColumn<QString>("target");
    QTest::addColumn<int>("kind"); // -1: an error
    QTest::newRow("uri") << "postgresql://u@h/d" << int(TargetKind::postgresql);
    QTest::newRow("short scheme") << "postgres://" << int(TargetKind::postgresql);
    QTest::newRow("conninfo") << "host=h dbname=d" << int(TargetKind::postgresql);
    QTest::newRow("service") << "service=shop" << int(TargetKind::postgresql);
    QTest::newRow("a file") << QCoreApplication::applicationFilePath()
                            << int(TargetKind::recording);
    QTest::newRow("empty") << "  " << -1;
    QTest::newRow("bare word") << "shop" << -1;
    QTest::newRow("no such file") << "/nowhere/night.poolrec" << -1;
    QTest::newRow("other scheme") << "oracle://h" << -1;
    QTest::newRow("bad uri") << "postgresql://u@[::1/d" << -1;
    QTest::newRow("bad keyword") << "hots=h" << -1;
    QTest::newRow("open quote") << "password='x" << -1;
}

void TestPgConninfo::classifies()
{
    QFETCH(QString, target);
    QFETCH(int, kind);
    const Result<TargetKind> found = classifyTarget(target);
    QCOMPARE(found ? int(found.value()) : -1, kind);
    if (!found) {
        QVERIFY(!found.error().sentence.empty());
        QVERIFY(!found.error().next_step.empty());
    }
}

void TestPgConninfo::stripsSecrets_data()
{
    QTest::addColumn<QString>("target");
    QTest::addColumn<QString>("stripped");
    const auto row = [](const char* target, const char* stripped) {
        QTest::newRow(target) << QString::fromUtf8(target) << QString::fromUtf8(stripped);
    };
    row("postgresql://u:hush@h:5433/d", "postgresql://u@h:5433/d");
    row("postgres://u:hush@h/d", "postgres://u@h/d");
    row("postgresql://u@h/d", "postgresql://u@h/d");
    row("postgresql://u:hu?sh@h/d", "postgresql://u@h/d");
    row("postgresql://:hush@h/d", "postgresql://h/d");
    row("postgresql://u:hu%40sh%2F@h/d", "postgresql://u@h/d");
    row("postgresql://u%3Ax:hush@h/d", "postgresql://u%3Ax@h/d");
    row("postgresql://h/d?user=u&password=hush", "postgresql://u@h/d");
    row("postgresql://h/d?p%61ssword=hush&sslmode=require", "postgresql://h/d?sslmode=require");
    row("postgresql://h/d?sslpassword=hush&sslkey=k", "postgresql://h/d?sslkey=k");
    row("postgresql://a:1,b:2/d?password=hush", "postgresql://a:1,b:2/d");
    row("postgresql://u:hush@[::1]:5432/d", "postgresql://u@[::1]:5432/d");
    row("postgresql://u:hush@%2Frun%2Fpg/d", "postgresql://u@%2Frun%2Fpg/d");
    row("postgresql://u:hush@h/d?passfile=/p", "postgresql://u@h/d?passfile=%2Fp");
    // What libpq would read in another way than it was meant keeps nothing but the scheme.
    row("postgresql://u:hu@sh@h/d", "postgresql://");
    row("postgresql://u:hu/sh@h/d", "postgresql://");
    row("postgresql://u:12/hush@h/d", "postgresql://");
    row("postgresql://u:hu?sh@sh@h/d", "postgresql://");
    row("postgresql://u:hu%zzsh@h/d", "postgresql://");
    row("host=h user=u password=hush dbname=d", "user=u dbname=d host=h");
    row("host=h password='hu sh\\' x' dbname=d", "dbname=d host=h");
    row("host = h  password = hush", "host=h");
    row("password=hush", "postgresql://");
    row("sslpassword=hush host=h", "host=h");
    row("service=shop", "service=shop");
    row("host=h application_name='a b'", "host=h application_name='a b'");
    row("host=h password='hush", "postgresql://");
    row("host=h pasword=hush", "postgresql://");
    row("oracle://u:hush@h", "oracle://");
    row("hush", "");
}

void TestPgConninfo::stripsSecrets()
{
    QFETCH(QString, target);
    QFETCH(QString, stripped);
    const QString result = withoutSecrets(target);
    QVERIFY2(!result.contains(QStringLiteral("sh@")) && !result.contains(QStringLiteral("hush")),
             qPrintable(result));
    // libpq decides the order of keywords: what counts is what is there.
    const auto words = [](const QString& text) {
        QStringList list = text.split(QLatin1Char(' '));
        list.sort();
        return list;
    };
    QCOMPARE(words(result), words(stripped));
    if (const Result<TargetKind> wrong = classifyTarget(target);
        !wrong && target.contains(QLatin1Char('=')))
        QVERIFY(!QString::fromStdString(wrong.error().sentence).contains(QStringLiteral("hush")));
}

void TestPgConninfo::strippedStillAttaches()
{
    for (const char* target :
         {"postgresql://u%40x:hush@a,b:7/my%20db?sslmode=verify-full&target_session_attrs=any",
          "host=/run/x port=6 user='it''s' dbname='a\\\\b c' password=hush"}) {
        const QString text = QString::fromUtf8(target);
        Result<PgParams> before = parseConninfo(text);
        if (!before)
            continue;
        const Result<PgParams> after = parseConninfo(withoutSecrets(text));
        QVERIFY(bool(after));
        PgParams expected = before.value();
        expected.erase(QStringLiteral("password"));
        PgParams got = after.value();
        // "a,b:7" comes back with both ports named.
        expected.erase(QStringLiteral("port"));
        got.erase(QStringLiteral("port"));
        QCOMPARE(got, expected);
    }
}

void TestPgConninfo::services()
{
    const QTemporaryDir& dir = dir_;
    const QString path = dir.filePath(QStringLiteral("services"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("# ours\nstray=1\n[shop]\nhost=db1.internal\nport=5433\ndbname=shop\n\n"
               "[ empty ]\n[local]\n dbname = x \n[broken\n[shop]\nhost=again\n");
    file.close();
    qputenv("PGSERVICEFILE", path.toUtf8());
    qputenv("PGSYSCONFDIR", dir.path().toUtf8());
    const std::vector<ServiceEntry> found = pgServices();
    QVERIFY(found.size() >= 3);
    QCOMPARE(found.front().name, QStringLiteral("shop"));
    QCOMPARE(found.front().host, QStringLiteral("db1.internal:5433"));
    QVERIFY(std::any_of(found.begin(), found.end(), [](const ServiceEntry& entry) {
        return entry.name == QLatin1String("local") && entry.host.isEmpty();
    }));
    const PgParams shop = serviceParams(QStringLiteral("shop"));
    QCOMPARE(shop.at(QStringLiteral("dbname")), QStringLiteral("shop"));
    QVERIFY(serviceParams(QStringLiteral("nobody")).empty());

    // A folder in place of a file, and binary rubbish, are no services and no crash.
    QVERIFY(readServiceFile(dir.path()).empty());
    QFile rubbish(dir.filePath(QStringLiteral("rubbish")));
    QVERIFY(rubbish.open(QIODevice::WriteOnly));
    rubbish.write(QByteArray("\x00\xff[=]\n=\n[", 9));
    rubbish.close();
    readServiceFile(rubbish.fileName());
}

void TestPgConninfo::precedence()
{
    qputenv("PGHOST", "from-env");
    qputenv("PGPORT", "6000");
    qputenv("PGUSER", "env-user");
    PgParams given{{QStringLiteral("service"), QStringLiteral("shop")},
                   {QStringLiteral("dbname"), QStringLiteral("mine")}};
    const Result<PgParams> effective = effectiveParams(given); // the file of services() above
    QVERIFY(bool(effective));
    QCOMPARE(effective.value().at(QStringLiteral("host")), QStringLiteral("db1.internal"));
    QCOMPARE(effective.value().at(QStringLiteral("port")), QStringLiteral("5433"));
    QCOMPARE(effective.value().at(QStringLiteral("dbname")), QStringLiteral("mine"));
    QCOMPARE(effective.value().at(QStringLiteral("user")), QStringLiteral("env-user"));
    const Result<PgParams> bare = effectiveParams({});
    QCOMPARE(bare.value().at(QStringLiteral("host")), QStringLiteral("from-env"));
    QCOMPARE(bare.value().at(QStringLiteral("dbname")), QStringLiteral("env-user"));
    QVERIFY(!effectiveParams({{QStringLiteral("service"), QStringLiteral("no")}}));
    for (const char* name : {"PGHOST", "PGPORT", "PGUSER"})
        qunsetenv(name);
    QCOMPARE(effectiveParams({}).value().at(QStringLiteral("port")), QStringLiteral("5432"));
}

void TestPgConninfo::endpoints()
{
    const auto of = [](const char* conninfo) {
        return endpointsOf(parseConninfo(QString::fromUtf8(conninfo)).value());
    };
    const auto two = of("host=a,b port=1,2").value();
    QCOMPARE(two.size(), std::size_t{2});
    QCOMPARE(two.at(1), (PgEndpoint{QStringLiteral("b"), QString(), QStringLiteral("2")}));
    QVERIFY(two.at(0).needsLookup());
    QCOMPARE(of("host=a,b port=7").value().at(1).port, QStringLiteral("7"));
    QVERIFY(!of("host=a,b port=1,2,3"));
    QVERIFY(!of("host=a,b hostaddr=1.2.3.4"));
    QVERIFY(!of("host=a hostaddr=1.2.3.4").value().front().needsLookup());
    QVERIFY(!of("host=::1").value().front().needsLookup());
    QCOMPARE(of("host=::1").value().front().label(), QStringLiteral("[::1]:5432"));
    QVERIFY(of("host=/run/pg").value().front().isLocalSocket());
    QVERIFY(of("user=u").value().front().isLocalSocket());
}

void TestPgConninfo::connectTimeouts()
{
    using std::chrono::milliseconds, std::chrono::seconds;
    const auto limit = [](const char* conninfo) {
        const auto effective = effectiveParams(parseConninfo(QString::fromUtf8(conninfo)).value());
        return connect_limit(connectTimeout(effective.value()), milliseconds{10'000});
    };
    QCOMPARE(limit("host=h"), seconds{10});
    QCOMPARE(limit("host=h connect_timeout=25"), seconds{25});
    QCOMPARE(limit("host=h connect_timeout=1"), seconds{2});
    QCOMPARE(limit("postgresql://h/d?connect_timeout=4"), seconds{4});
    // libpq would wait for ever.
    QCOMPARE(limit("host=h connect_timeout=0"), longest_unbounded_connect);
    QCOMPARE(limit("host=h connect_timeout=-1"), longest_unbounded_connect);
    QCOMPARE(limit("host=h connect_timeout=2000000000"), longest_connect);
    QCOMPARE(limit("host=h connect_timeout=soon"), seconds{10});
    qputenv("PGCONNECT_TIMEOUT", "7");
    const auto unset = qScopeGuard([] { qunsetenv("PGCONNECT_TIMEOUT"); });
    QCOMPARE(limit("host=h"), seconds{7});
    QCOMPARE(limit("host=h connect_timeout=3"), seconds{3});
}

void TestPgConninfo::passwordFile()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("pgpass"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("# h:5432:d:u:no\nh:5432:d\\:x:u:a\\:b\\\\c:d\r\n*:5433:*:u:any\n\\*:1:d:u:star\n");
    file.close();
    file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    const auto look = [&](const char* host, const char* port, const char* database) {
        return passwordFromFile(path, QString::fromUtf8(host), QString::fromUtf8(port),
                                QString::fromUtf8(database), QStringLiteral("u"));
    };
    QCOMPARE(look("h", "5432", "d:x"), QStringLiteral("a:b\\c:d"));
    QCOMPARE(look("elsewhere", "5433", "z"), QStringLiteral("any"));
    QCOMPARE(look("*", "1", "d"), QStringLiteral("star"));
    QCOMPARE(look("h", "1", "d"), QString());
    QCOMPARE(look("h", "5432", "d"), QString());
    file.setPermissions(file.permissions() | QFileDevice::ReadOther);
    QCOMPARE(look("elsewhere", "5433", "z"), QString());
}

void TestPgConninfo::sshHosts()
{
    for (const char* good : {"bastion", "me@bastion.example", "fe80::1"})
        QVERIFY(bool(checkSshHost(QString::fromUtf8(good))));
    for (const char* bad : {"", "-oProxyCommand=sh", "a b", "a\nb"})
        QVERIFY(!checkSshHost(QString::fromUtf8(bad)));
    AttachRequest request;
    request.target = QStringLiteral("host=h");
    request.sshHost = QStringLiteral("-oProxyCommand=sh");
    QVERIFY(!makeSource(TargetId{1}, request));
}

void TestPgConninfo::makesNothingOfRecordings()
{
    AttachRequest request;
    request.target = QCoreApplication::applicationFilePath();
    QVERIFY(!makeSource(TargetId{1}, request));
    request.target = QStringLiteral("postgresql://u:hush@db1.shop.internal/shop");
    const auto made = makeSource(TargetId{1}, request);
    QVERIFY(bool(made));
    QCOMPARE(made.value()->info().name, std::string("db1/shop"));
    QCOMPARE(made.value()->info().url, std::string("postgresql://u@db1.shop.internal/shop"));
}

QTEST_GUILESS_MAIN(TestPgConninfo)
#include "tst_pgconninfo.moc"
