// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqladdress.h"
#include "core/source/registry.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;

class TestMySqlAddress : public QObject
{
    Q_OBJECT
private slots:
    void urls_data();
    void urls();
    void refused_data();
    void refused();
    void noSecretLeaves_data();
    void noSecretLeaves();
    void optionFiles();
    void theUrlGoesFirst();
    void connectTimeouts();
    void aCertificateWantsTls();
    void targets();
};

void TestMySqlAddress::urls_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("label");
    QTest::addColumn<QString>("user");
    QTest::addColumn<QString>("database");
    QTest::addColumn<QString>("name");
    QTest::newRow("all") << "mysql://dba:pw@db1.shop.internal:3307/shop?ssl-mode=required"
                         << "db1.shop.internal:3307"
                         << "dba"
                         << "shop"
                         << "db1/shop";
    QTest::newRow("alias") << "mariadb://db2"
                           << "db2:3306"
                           << ""
                           << ""
                           << "db2";
    QTest::newRow("ipv6") << "mysql://u@[fe80::1]:3306/"
                          << "[fe80::1]:3306"
                          << "u"
                          << ""
                          << "fe80::1";
    QTest::newRow("address") << "mysql://u@10.0.0.7/x"
                             << "10.0.0.7:3306"
                             << "u"
                             << "x"
                             << "10.0.0.7/x";
    QTest::newRow("socket") << "mysql://u@/shop?socket=/run/a%20b.sock"
                            << "/run/a b.sock"
                            << "u"
                            << "shop"
                            << "local/shop";
    QTest::newRow("socket of localhost") << "mysql://u@LocalHost:3307/shop?socket=/run/a.sock"
                                         << "/run/a.sock"
                                         << "u"
                                         << "shop"
                                         << "local/shop";
    QTest::newRow("escapes") << "mysql://a%40b:p%3Aq%2F@h/d%2Fe"
                             << "h:3306"
                             << "a@b"
                             << "d/e"
                             << "h/d/e";
    QTest::newRow("nothing") << "mysql://"
                             << "the local socket"
                             << ""
                             << ""
                             << "local";
}

void TestMySqlAddress::urls()
{
    QFETCH(QString, url);
    const auto address = parseMySqlUrl(url);
    QVERIFY2(bool(address), qPrintable(url));
    QTEST(address.value().label(), "label");
    QTEST(address.value().user, "user");
    QTEST(address.value().database, "database");
    QTEST(address.value().name(), "name");
    if (url.contains(QLatin1String("p%3Aq")))
        QCOMPARE(address.value().password, QStringLiteral("p:q/"));
    if (url.contains(QLatin1String("ssl-mode")))
        QCOMPARE(address.value().tls, MySqlTls::required);
    QCOMPARE(address.value().password.isNull(),
             !url.contains(QLatin1Char(':') + QStringLiteral("p")));
}

void TestMySqlAddress::refused_data()
{
    QTest::addColumn<QString>("url");
    QTest::newRow("port 0") << "mysql://u:hush@h:0/";
    QTest::newRow("port too great") << "mysql://u:hush@h:65536/";
    QTest::newRow("port of nothing") << "mysql://u:hush@:3306/";
    QTest::newRow("word as port") << "mysql://u:hush@h:abc/";
    QTest::newRow("two databases") << "mysql://u:hush@h/a/b";
    QTest::newRow("fragment") << "mysql://u:hush@h/a#b";
    QTest::newRow("unknown option") << "mysql://u:hush@h/a?colour=red";
    QTest::newRow("unknown mode") << "mysql://u:hush@h/a?ssl-mode=hush";
    QTest::newRow("a host's socket") << "mysql://u:hush@db1/a?socket=/run/a.sock";
    QTest::newRow("no timeout") << "mysql://u:hush@h/a?connect-timeout=hush";
    QTest::newRow("control character") << "mysql://u%0A:hush@h/a";
}

void TestMySqlAddress::refused()
{
    QFETCH(QString, url);
    const auto address = parseMySqlUrl(url);
    QVERIFY(!address);
    QVERIFY(!address.error().sentence.empty() && !address.error().next_step.empty());
    const QString said =
        QString::fromStdString(address.error().sentence + address.error().next_step);
    QVERIFY2(!said.contains(QLatin1String("hush")), qPrintable(said));
    QVERIFY(!classifyTarget(url));
}

void TestMySqlAddress::noSecretLeaves_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("kept");
    QTest::newRow("user info") << "mysql://u:hush@h:3306/d"
                               << "mysql://u@h:3306/d";
    QTest::newRow("option") << "mysql://u@h/d?password=hush&ssl-mode=required"
                            << "mysql://u@h/d?ssl-mode=required";
    QTest::newRow("escaped option") << "mysql://u@h?pass%77ord=hush"
                                    << "mysql://u@h";
    QTest::newRow("capitals") << "mysql://u@h?PassWord=hush"
                              << "mysql://u@h";
    QTest::newRow("misspelt option") << "mysql://u@h/d?passwd=hush&SSL_MODE=required&pass=hush"
                                     << "mysql://u@h/d?SSL_MODE=required";
    QTest::newRow("at sign in it") << "mariadb://u:hu@sh@h/"
                                   << "mariadb://u@h";
    QTest::newRow("unreadable") << "mysql://u:hush@h:port/d"
                                << "mysql://";
    QTest::newRow("timeout") << "mysql://u:hush@h/d?connect_timeout=3"
                             << "mysql://u@h/d?connect_timeout=3";
    QTest::newRow("socket") << "mysql://u:hush@/d?socket=/a/b"
                            << "mysql://u@/d?socket=/a/b";
}

void TestMySqlAddress::noSecretLeaves()
{
    QFETCH(QString, url);
    QTEST(withoutSecrets(url), "kept");
    // What is kept leads to the same place.
    const auto before = parseMySqlUrl(url), after = parseMySqlUrl(withoutSecrets(url));
    if (before) {
        QVERIFY(bool(after));
        QCOMPARE(after.value().label(), before.value().label());
        QCOMPARE(after.value().user, before.value().user);
        QVERIFY(after.value().password.isNull());
    }
}

void TestMySqlAddress::optionFiles()
{
    const QTemporaryDir home;
    QFile file(home.filePath(QStringLiteral("my.cnf")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("[client]\nuser=fromfile\npassword=\"sec ret\"\nhost=db9.internal\nport=3399\n"
               "protocol=tcp\n[mysqld]\nuser=wrong\n[poolscope]\nssl-ca=/etc/ca.pem\n");
    file.close();
    const auto given = parseMySqlUrl(QStringLiteral("mysql://?defaults-file=") + file.fileName());
    QVERIFY(bool(given));
    const MySqlAddress address = effectiveAddress(given.value());
    QCOMPARE(address.user, QStringLiteral("fromfile"));
    QCOMPARE(address.password, QStringLiteral("sec ret"));
    QCOMPARE(address.label(), QStringLiteral("db9.internal:3399"));
    QCOMPARE(address.ca, QStringLiteral("/etc/ca.pem"));
    QCOMPARE(address.tls, MySqlTls::verify_ca);
}

void TestMySqlAddress::theUrlGoesFirst()
{
    const QTemporaryDir home;
    QFile file(home.filePath(QStringLiteral("my.cnf")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("[client]\nuser=fromfile\npassword=secret\nhost=db9\nport=3399\n"
               "socket=/run/x.sock\nssl-verify-server-cert\n");
    file.close();
    const auto given =
        parseMySqlUrl(QStringLiteral("mysql://me:mine@db1/shop?ssl-mode=disabled&defaults-file=") +
                      file.fileName());
    QVERIFY(bool(given));
    const MySqlAddress address = effectiveAddress(given.value());
    QCOMPARE(address.user, QStringLiteral("me"));
    QCOMPARE(address.password, QStringLiteral("mine"));
    QCOMPARE(address.host, QStringLiteral("db1"));
    QCOMPARE(address.database, QStringLiteral("shop"));
    QCOMPARE(address.tls, MySqlTls::disabled);
}

void TestMySqlAddress::connectTimeouts()
{
    const QTemporaryDir home;
    QFile file(home.filePath(QStringLiteral("my.cnf")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("[client]\nconnect-timeout=4\n");
    file.close();
    const auto of = [](const QString& url) {
        return effectiveAddress(parseMySqlUrl(url).value()).connectTimeout;
    };
    const QString read = QStringLiteral("mysql://me@db1/?defaults-file=") + file.fileName();
    QCOMPARE(of(read), std::optional<int>(4));
    QCOMPARE(of(read + QStringLiteral("&connect_timeout=9")), std::optional<int>(9));
    QCOMPARE(of(read + QStringLiteral("&connect-timeout=0")), std::optional<int>(0));
    QVERIFY(!of(QStringLiteral("mysql://me@db1/?defaults-file=/dev/null")));
}

void TestMySqlAddress::aCertificateWantsTls()
{
    const auto modeOf = [](const char* query) {
        const auto given = parseMySqlUrl(QStringLiteral("mysql://me@db1/?defaults-file=/dev/null") +
                                         QLatin1String(query));
        return given ? effectiveAddress(given.value()).tls : std::nullopt;
    };
    QCOMPARE(modeOf(""), MySqlTls::preferred);
    QCOMPARE(modeOf("&ssl-cert=/nowhere.pem"), MySqlTls::required);
    QCOMPARE(modeOf("&ssl-key=/nowhere.pem"), MySqlTls::required);
    QCOMPARE(modeOf("&ssl-mode=disabled&ssl-cert=/nowhere.pem"), MySqlTls::disabled);
}

void TestMySqlAddress::targets()
{
    for (const char* url : {"mysql://h", "mariadb://h/db"}) {
        const auto kind = classifyTarget(QString::fromLatin1(url));
        QVERIFY(bool(kind));
        QCOMPARE(int(kind.value()), int(TargetKind::mysql));
        AttachRequest request;
        request.target = QStringLiteral("mysql://u:hush@h/d");
        const auto source = makeSource(TargetId{3}, request);
        QVERIFY(bool(source));
        const TargetInfo& info = source.value()->info();
        QCOMPARE(info.id, TargetId{3});
        QCOMPARE(info.kind, std::string("mysql"));
        QCOMPARE(info.url, std::string("mysql://u@h/d"));
        QCOMPARE(info.name, std::string("h/d"));
    }
}

QTEST_GUILESS_MAIN(TestMySqlAddress)
#include "tst_mysqladdress.moc"
