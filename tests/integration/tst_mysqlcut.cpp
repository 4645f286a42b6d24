// SPDX-License-Identifier: GPL-3.0-or-later
// Who hangs up in the middle of TLS, as a proxy, a firewall or a server that restarts does: it is
// tried again, with TLS, and nothing is sent in the clear meanwhile.
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QHostAddress>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>

#include <sys/socket.h>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// Where in the talk, and how, somebody hangs up.
struct Cut
{
    int records; ///< of TLS that the client has sent by then; 0: it has only asked for TLS
    bool hard;   ///< by a reset
};

/// The request for TLS: a packet of 32 bytes.
constexpr qsizetype tlsRequest = 36;

/// How many of TLS's records are whole in what a client sent, and whether there is anything else.
int recordsIn(const QByteArray& bytes, bool* foreign)
{
    int records = 0;
    for (qsizetype at = tlsRequest; at + 5 <= bytes.size(); ++records) {
        const auto kind = static_cast<unsigned char>(bytes[at]);
        if (kind < 20 || kind > 23)
            *foreign = true;
        at += 5 + (static_cast<unsigned char>(bytes[at + 3]) << 8) +
              static_cast<unsigned char>(bytes[at + 4]);
        if (at > bytes.size())
            break;
    }
    return records;
}

void hangUp(QTcpSocket* peer, bool hard)
{
    if (hard) {
        const linger now{1, 0};
        ::setsockopt(static_cast<int>(peer->socketDescriptor()), SOL_SOCKET, SO_LINGER, &now,
                     sizeof now);
        peer->abort();
    } else {
        peer->disconnectFromHost();
    }
}

/// Stands before a real server and hangs up on the first few connections.
class Cutter : public QObject
{
public:
    Cutter(quint16 server, Cut cut, int times)
    {
        listener_.listen(QHostAddress::LocalHost);
        connect(&listener_, &QTcpServer::newConnection, this, [this, server, cut, times] {
            QTcpSocket* const client = listener_.nextPendingConnection();
            const bool cuts = accepted++ < times;
            auto* const behind = new QTcpSocket(client);
            behind->connectToHost(QHostAddress::LocalHost, server);
            connect(client, &QTcpSocket::readyRead, behind,
                    [this, client, behind, cut, cuts, all = QByteArray()]() mutable {
                        const QByteArray bytes = client->readAll();
                        all += bytes;
                        fromClients += bytes;
                        const int records = recordsIn(all, &inTheClear);
                        if (cuts && all.size() >= tlsRequest && records >= cut.records) {
                            ++hungUp;
                            hangUp(client, cut.hard);
                            return;
                        }
                        behind->write(bytes);
                    });
            connect(behind, &QTcpSocket::readyRead, client,
                    [client, behind] { client->write(behind->readAll()); });
            connect(client, &QTcpSocket::disconnected, behind, &QTcpSocket::abort);
            connect(behind, &QTcpSocket::disconnected, client, &QTcpSocket::disconnectFromHost);
        });
    }
    quint16 port() const { return listener_.serverPort(); }

    QByteArray fromClients;
    bool inTheClear = false; ///< something else than TLS came where TLS was asked for
    int accepted = 0;
    int hungUp = 0;

private:
    QTcpServer listener_;
};

} // namespace

class TestMySqlCut : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void hangsUpInTls_data();
    void hangsUpInTls();

private:
    MariaDb server_;
};

void TestMySqlCut::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    MariaDb::Options options;
    options.tls = true;
    QVERIFY2(server_.start(options), qPrintable(server_.error()));
}

void TestMySqlCut::hangsUpInTls_data()
{
    QTest::addColumn<QString>("mode");
    QTest::addColumn<int>("records");
    QTest::addColumn<bool>("hard");
    for (const char* const mode : {"preferred", "required", "verify_ca"}) {
        for (const int records : {0, 1, 2, 3, 4}) {
            for (const bool hard : {false, true})
                QTest::newRow(
                    qPrintable(QStringLiteral("%1, %2 after %3 records")
                                   .arg(QLatin1String(mode),
                                        hard ? QStringLiteral("reset") : QStringLiteral("closed"))
                                   .arg(records)))
                    << QString::fromLatin1(mode) << records << hard;
        }
    }
}

void TestMySqlCut::hangsUpInTls()
{
    QFETCH(QString, mode);
    QFETCH(int, records);
    QFETCH(bool, hard);
    Cutter cutter(server_.port(), {records, hard}, 2);
    MySqlProbe probe(QStringLiteral("mysql://locked:right@127.0.0.1:%1/?ssl-mode=%2&ssl-ca=%3")
                         .arg(cutter.port())
                         .arg(mode, server_.rootCertificate()));
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up() || probe.reach() == Reach::stopped,
                              qPrintable(probe.sentence()), 20000);
    QVERIFY2(probe.up(), qPrintable(probe.sentence() + probe.nextStep()));
    QCOMPARE(cutter.hungUp, 2);
    QCOMPARE(cutter.accepted, 3); // each is one try: failing twice, then up
    QVERIFY(probe.state().facts->tls);
    QVERIFY(!cutter.inTheClear);
    QVERIFY(!cutter.fromClients.contains("locked"));
    QVERIFY(probe.said("hung up"));
    QVERIFY(!probe.said("TLS with"));
}

QTEST_GUILESS_MAIN(TestMySqlCut)
#include "tst_mysqlcut.moc"
