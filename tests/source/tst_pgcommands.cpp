// SPDX-License-Identifier: GPL-3.0-or-later
// Orders that never reach a server. Those that do: tests/integration/tst_pgsessions.cpp.
#include "core/source/pgcommands.h"

#include <QTest>

using namespace poolscope;

class TestPgCommands : public QObject
{
    Q_OBJECT
private slots:
    void reclaimIsForPools();
    void hiddenStart();
};

void TestPgCommands::reclaimIsForPools()
{
    Command command;
    command.action = ActionId{7};
    command.verb = ActionVerb::reclaim;
    command.checkout = {TargetId{1}, Text{"42"}};
    PgCommands commands;
    const PgCommands::Facts facts =
        commands.add(command, PgSessions(TargetId{1}), PgCommands::Instant{});
    QCOMPARE(facts.size(), std::size_t{1});
    QCOMPARE(facts[0].phase, ActionPhase::refused);
    QCOMPARE(facts[0].action, ActionId{7});
    QCOMPARE(facts[0].checkout, command.checkout);
    QVERIFY(
        QString::fromStdString(facts[0].sentence).contains(QStringLiteral("attach to the pool")));
    QVERIFY(!commands.waiting());
}

void TestPgCommands::hiddenStart()
{
    Command command;
    command.verb = ActionVerb::terminate;
    command.session = {TargetId{1}, Pid{5}, Timestamp{}};
    PgCommands commands;
    const PgCommands::Facts facts =
        commands.add(command, PgSessions(TargetId{1}), PgCommands::Instant{});
    QCOMPARE(facts.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(facts[0].sentence).contains(QStringLiteral("pg_monitor")));
}

QTEST_APPLESS_MAIN(TestPgCommands)
#include "tst_pgcommands.moc"
