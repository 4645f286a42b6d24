// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/dialogs/attachfixture.h"
#include "ui/dialogs/passworddialog.h"

#include <QCheckBox>
#include <QLabel>
#include <QLineEdit>

using namespace poolscope;

class TestPasswordDialog : public test::AttachFixture
{
    Q_OBJECT
private slots:
    void tokensAreAskedForByTheirName()
    {
        PasswordDialog dialog(QStringLiteral("shop-api"), QStringLiteral("shop-api wants a token."),
                              true, nullptr, PasswordDialog::Secret::token);
        QString words = dialog.windowTitle();
        for (const QLabel* label : dialog.findChildren<QLabel*>())
            words += label->text();
        QVERIFY(words.contains(QStringLiteral("Token for shop-api")));
        QVERIFY(words.contains(QStringLiteral("POOLSCOPE_TOKEN")));
        QVERIFY(!words.contains(QStringLiteral("assword")));
        QVERIFY(!words.contains(QStringLiteral("pgpass")));
    }

    void secretsAreNamedByKind_data()
    {
        QTest::addColumn<int>("secret");
        QTest::addColumn<QString>("says");
        QTest::addColumn<QString>("never");
        using Secret = PasswordDialog::Secret;
        QTest::newRow("mysql") << int(Secret::mysqlPassword) << QStringLiteral("~/.my.cnf")
                               << QStringLiteral("pgpass");
        QTest::newRow("metrics") << int(Secret::bearer) << QStringLiteral("Token for shop")
                                 << QStringLiteral("pgpass");
        QTest::newRow("metrics' environment")
            << int(Secret::bearer) << QStringLiteral("POOLSCOPE_METRICS_TOKEN")
            << QStringLiteral("my.cnf");
    }

    void secretsAreNamedByKind()
    {
        QFETCH(int, secret);
        QFETCH(QString, says);
        QFETCH(QString, never);
        PasswordDialog dialog(QStringLiteral("shop"), QStringLiteral("It asks."), false, nullptr,
                              static_cast<PasswordDialog::Secret>(secret));
        QString words;
        for (const QLabel* label : dialog.findChildren<QLabel*>())
            words += label->text();
        QVERIFY2(words.contains(says), qPrintable(words));
        QVERIFY2(!words.contains(never), qPrintable(words));
    }

    void passwordsAreHiddenUntilShown()
    {
        PasswordDialog dialog(QStringLiteral("shop-db"), QStringLiteral("for dba at <b>db1</b>"));
        auto* edit = dialog.findChild<QLineEdit*>();
        QCOMPARE(edit->echoMode(), QLineEdit::Password);
        QVERIFY(!button(dialog, QStringLiteral("Connect"))->isEnabled());
        QTest::keyClicks(edit, QStringLiteral("s3cr3t"));
        QCOMPARE(dialog.password(), QStringLiteral("s3cr3t"));
        dialog.findChild<QCheckBox*>()->click();
        QCOMPARE(edit->echoMode(), QLineEdit::Normal);
    }
};

QTEST_MAIN(TestPasswordDialog)
#include "tst_passworddialog.moc"
