// SPDX-License-Identifier: GPL-3.0-or-later
// Who the clients of a real MariaDB or MySQL server are: what is looked up of each once.
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QTest>

#include <memory>
#include <set>
#include <vector>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlClients : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void moreThanOneQuestionNames();

private:
    MariaDb server_;
};

void TestMySqlClients::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    MariaDb::Options options;
    QVERIFY2(server_.start(options), qPrintable(server_.error()));
    MariaClient admin(server_, "admin");
    QVERIFY(admin.exec(QStringLiteral("CREATE TABLE t (id INT PRIMARY KEY, v INT)")));
    QVERIFY(
        admin.exec(QStringLiteral("INSERT INTO t VALUES (0, 0), (1, 1), (2, 2), (3, 3), (4, 4)")));
}

/// A server with thousands of sessions, in small.
void TestMySqlClients::moreThanOneQuestionNames()
{
    std::vector<std::unique_ptr<MariaClient>> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(std::make_unique<MariaClient>(
            server_, "app", qPrintable(QStringLiteral("program%1").arg(i))));
        QVERIFY(clients.back()->exec(QStringLiteral("BEGIN")) &&
                clients.back()->exec(QStringLiteral("UPDATE t SET v = 9 WHERE id = %1").arg(i)));
    }
    MySqlSource::Timings timings = MySqlProbe::quick();
    timings.named = 2;
    MySqlProbe probe(server_.url(), timings);
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    // With the next poll where the server was too busy for one of the questions.
    std::vector<SessionKey> keys;
    for (int i = 0; i < 5; ++i) {
        const qint64 id = clients[static_cast<std::size_t>(i)]->id();
        QTRY_COMPARE_WITH_TIMEOUT(
            QString::fromStdString(probe.session(id) ? probe.session(id)->application.str() : ""),
            QStringLiteral("program%1").arg(i), 20000);
        const std::string client = probe.session(id)->client.str();
        QVERIFY2(client.starts_with("127.0.0.1:"), client.c_str());
        keys.push_back(probe.session(id)->key);
    }
    probe.source().setWatched(keys);
    const auto locked = [&] {
        std::set<Pid> told;
        for (const Fact& fact : probe.facts) {
            const auto* const locks = std::get_if<LocksReported>(&fact);
            if (locks && !locks->locks.empty())
                told.insert(locks->session.pid);
        }
        return told.size();
    };
    QTRY_COMPARE_WITH_TIMEOUT(locked(), keys.size(), 20000);
}

QTEST_GUILESS_MAIN(TestMySqlClients)
#include "tst_mysqlclients.moc"
