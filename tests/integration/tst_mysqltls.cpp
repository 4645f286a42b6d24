// SPDX-License-Identifier: GPL-3.0-or-later
// Encrypted connections to a real MariaDB or MySQL: what each ssl-mode asks for, and that nobody in
// between talks us out of it.
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QHostAddress>
#include <QProcess>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>
#include <QTimer>

#include <openssl/err.h>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// Stands between us and a server, and may take the offer of TLS out of its greeting. Hands that on
/// in two pieces.
class Between : public QObject
{
public:
    Between(quint16 server, bool strips)
    {
        listener_.listen(QHostAddress::LocalHost);
        connect(&listener_, &QTcpServer::newConnection, this, [this, server, strips] {
            QTcpSocket* const client = listener_.nextPendingConnection();
            auto* const behind = new QTcpSocket(client);
            behind->connectToHost(QHostAddress::LocalHost, server);
            connect(client, &QTcpSocket::readyRead, behind, [this, client, behind] {
                const QByteArray bytes = client->readAll();
                fromClient += bytes;
                behind->write(bytes);
            });
            connect(client, &QTcpSocket::disconnected, behind, &QTcpSocket::abort);
            connect(behind, &QTcpSocket::disconnected, client, &QTcpSocket::disconnectFromHost);
            connect(behind, &QTcpSocket::readyRead, client,
                    [client, behind, strips, first = true]() mutable {
                        QByteArray bytes = behind->readAll();
                        if (!std::exchange(first, false)) {
                            client->write(bytes);
                            return;
                        }
                        const auto flags = bytes.indexOf('\0', 5) + 1 + 13;
                        if (strips)
                            bytes[flags + 1] = static_cast<char>(bytes[flags + 1] & ~0x08);
                        client->write(bytes.left(9));
                        client->flush();
                        QTimer::singleShot(50, client,
                                           [client, bytes] { client->write(bytes.mid(9)); });
                    });
        });
    }
    quint16 port() const { return listener_.serverPort(); }

    QByteArray fromClient;

private:
    QTcpServer listener_;
};

} // namespace

class TestMySqlTls : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void tlsModes();
    void tlsNeverOffered();
    void strippedOnTheWay_data();
    void strippedOnTheWay();
    void errorsOfOthers();

private:
    MariaDb server_;
};

void TestMySqlTls::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    MariaDb::Options options;
    options.tls = true;
    QVERIFY2(server_.start(options), qPrintable(server_.error()));
}

void TestMySqlTls::tlsModes()
{
    const QString url = QStringLiteral("mysql://admin@%1:%2/shop?ssl-mode=%3&ssl-ca=%4");
    const QString ca = server_.rootCertificate();
    const auto to = [&](const char* host, const char* mode, const QString& authority) {
        return url.arg(QString::fromLatin1(host))
            .arg(server_.port())
            .arg(QString::fromLatin1(mode), authority);
    };
    for (const char* mode : {"required", "preferred", "verify_ca"}) {
        MySqlProbe probe(to("127.0.0.1", mode, ca));
        probe.start();
        QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
        QVERIFY2(probe.state().facts->tls, mode);
    }
    MySqlProbe plain(to("127.0.0.1", "disabled", ca));
    plain.start();
    QTRY_VERIFY_WITH_TIMEOUT(plain.up(), 20000);
    QVERIFY(!plain.state().facts->tls);
    // The certificate is localhost's. It is the name that was given that counts, though the
    // library is told an address.
    MySqlProbe named(to("localhost", "verify_identity", ca));
    named.start();
    QTRY_VERIFY2_WITH_TIMEOUT(named.up(), qPrintable(named.sentence()), 20000);
    QVERIFY(named.state().facts->tls);
    MySqlProbe misnamed(to("127.0.0.1", "verify_identity", ca));
    misnamed.start();
    QTRY_COMPARE_WITH_TIMEOUT(misnamed.reach(), Reach::stopped, 20000);
    QVERIFY2(misnamed.sentence().startsWith(QStringLiteral("TLS with")),
             qPrintable(misnamed.sentence()));
    // Signed by nobody that is known here.
    const QString other = server_.rootCertificate() + QStringLiteral(".other");
    QProcess openssl;
    openssl.start(QStringLiteral("openssl"),
                  QStringLiteral("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other "
                                 "-keyout /dev/null -out %1")
                      .arg(other)
                      .split(QLatin1Char(' ')));
    QVERIFY(openssl.waitForFinished(60000));
    MySqlProbe unknown(to("127.0.0.1", "verify_ca", other));
    unknown.start();
    QTRY_COMPARE_WITH_TIMEOUT(unknown.reach(), Reach::stopped, 20000);
    QVERIFY2(unknown.nextStep().contains(QStringLiteral("ssl-ca")),
             qPrintable(unknown.sentence() + unknown.nextStep()));
}

void TestMySqlTls::tlsNeverOffered()
{
    MariaDb::Options options;
    MariaDb plain;
    QVERIFY2(plain.start(options), qPrintable(plain.error()));
    MySqlProbe preferred(plain.url());
    preferred.start();
    QTRY_VERIFY_WITH_TIMEOUT(preferred.up(), 20000);
    QVERIFY(!preferred.state().facts->tls);
    // A password, to a server that has not seen it since it started: MySQL's accounts want TLS for
    // it, which is told from a wrong one. The library took itself to have TLS, and sent it in the
    // clear.
    Between between(plain.port(), false);
    const QString proxied = QStringLiteral("mysql://locked:%1@127.0.0.1:") +
                            QString::number(between.port()) + QStringLiteral("/shop");
    for (const char* const word : {"right", "wrong"}) {
        MySqlProbe secret(proxied.arg(QLatin1String(word)));
        secret.start();
        QTRY_VERIFY_WITH_TIMEOUT(secret.up() || secret.reach() == Reach::stopped, 20000);
        QCOMPARE(secret.up(), !MariaDb::isMySql() && word == std::string_view("right"));
        if (MariaDb::isMySql()) {
            QVERIFY2(secret.sentence().contains(QStringLiteral("offers no TLS")) &&
                         secret.nextStep().contains(QStringLiteral("ssl-mode=disabled")),
                     qPrintable(secret.sentence()));
            QVERIFY(secret.secrets.empty()); // nobody is asked for another
        } else if (!secret.up()) {
            QVERIFY(secret.sentence().contains(QStringLiteral("refused the password")));
        }
    }
    for (const char* const word : {"right", "wrong"}) {
        MySqlProbe meant(proxied.arg(QLatin1String(word)) + QStringLiteral("?ssl-mode=disabled"));
        meant.start();
        QTRY_VERIFY2_WITH_TIMEOUT(meant.up() || meant.reach() == Reach::stopped,
                                  qPrintable(meant.sentence()), 20000);
        QCOMPARE(meant.up(), word == std::string_view("right"));
        if (!meant.up())
            QVERIFY(meant.sentence().contains(QStringLiteral("refused the password")));
    }
    QVERIFY(between.fromClient.contains("locked"));
    QVERIFY(!between.fromClient.contains("right") && !between.fromClient.contains("wrong"));
    MySqlProbe unchecked(plain.url() + QStringLiteral("?ssl-mode=verify_ca"));
    unchecked.start();
    QTRY_COMPARE_WITH_TIMEOUT(unchecked.reach(), Reach::stopped, 20000);
    QVERIFY2(unchecked.sentence().contains(QStringLiteral("needs ssl-ca")),
             qPrintable(unchecked.sentence()));
    for (const char* mode : {"required", "verify_identity"}) {
        MySqlProbe wanted(plain.url() + QStringLiteral("?ssl-mode=") + QString::fromLatin1(mode));
        wanted.start();
        QTRY_COMPARE_WITH_TIMEOUT(wanted.reach(), Reach::stopped, 20000);
        QVERIFY2(wanted.sentence().contains(QStringLiteral("support")),
                 qPrintable(wanted.sentence()));
    }
}

void TestMySqlTls::strippedOnTheWay_data()
{
    QTest::addColumn<QString>("mode");
    QTest::addColumn<bool>("strips");
    QTest::addColumn<bool>("comes");
    for (const char* mode : {"required", "verify_ca", "verify_identity"}) {
        QTest::newRow(qPrintable(QStringLiteral("%1, stripped").arg(QLatin1String(mode))))
            << QString::fromLatin1(mode) << true << false;
        QTest::newRow(qPrintable(QStringLiteral("%1, left alone").arg(QLatin1String(mode))))
            << QString::fromLatin1(mode) << false << true;
    }
    // MySQL's accounts log in in ways that need TLS.
    QTest::newRow("preferred, stripped")
        << QStringLiteral("preferred") << true << !MariaDb::isMySql();
}

void TestMySqlTls::strippedOnTheWay()
{
    QFETCH(QString, mode);
    QFETCH(bool, strips);
    QFETCH(bool, comes);
    Between between(server_.port(), strips);
    MySqlProbe probe(QStringLiteral("mysql://locked:right@localhost:%1/?ssl-mode=%2&ssl-ca=%3")
                         .arg(between.port())
                         .arg(mode, server_.rootCertificate()));
    probe.start();
    const auto unseen = qScopeGuard([&between] { QVERIFY(!between.fromClient.contains("right")); });
    if (comes) {
        QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
        QCOMPARE(probe.state().facts->tls, !strips);
        // In the clear the name can be read there, else not.
        QCOMPARE(between.fromClient.contains("locked"), strips);
        return;
    }
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    if (mode == QStringLiteral("preferred")) {
        QVERIFY2(probe.sentence().contains(QStringLiteral("offers no TLS")),
                 qPrintable(probe.sentence()));
        return;
    }
    QVERIFY2(probe.sentence().contains(QStringLiteral("does not support TLS")),
             qPrintable(probe.sentence()));
    // Neither who we are nor what the password proves was sent.
    QCOMPARE(between.fromClient, QByteArray());
}

void TestMySqlTls::errorsOfOthers()
{
    // OpenSSL keeps one list of errors a thread. What others leave there is not ours, nor what we
    // leave theirs.
    MySqlProbe refused(
        QStringLiteral("mysql://admin@127.0.0.1:%1/?ssl-mode=verify_identity&ssl-ca=%2")
            .arg(server_.port())
            .arg(server_.rootCertificate()));
    refused.start();
    QTRY_COMPARE_WITH_TIMEOUT(refused.reach(), Reach::stopped, 20000);
    QCOMPARE(ERR_peek_error(), 0UL);
    MySqlProbe probe(server_.url() + QStringLiteral("?ssl-mode=required"));
    QTimer others;
    connect(&others, &QTimer::timeout, this, [] { ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); });
    others.start(1);
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
    const int samples = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples > samples + 10, 20000);
    QCOMPARE(probe.failing, 0);
    QVERIFY(probe.state().facts->tls);
    ERR_clear_error();
}

QTEST_GUILESS_MAIN(TestMySqlTls)
#include "tst_mysqltls.moc"
