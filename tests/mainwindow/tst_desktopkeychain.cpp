// SPDX-License-Identifier: GPL-3.0-or-later
// The desktop's keychain: a real secret service on a private bus.
#include "app/gui/desktopkeychain.h"

#include <QDBusConnection>
#include <QDBusConnectionInterface>
#include <QDirIterator>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;

class TestDesktopKeychain : public QObject
{
    Q_OBJECT

    QTemporaryDir home_;
    QProcess bus_;
    QProcess service_;
    std::shared_ptr<Keychain> keychain_;

    static QString program(const char* name)
    {
        return QStandardPaths::findExecutable(QString::fromLatin1(name));
    }
    /// Null: no answer in time.
    QString read(const QString& key)
    {
        QString found;
        bool answered = false;
        keychain_->read(key, [&](const QString& secret) {
            found = secret;
            answered = true;
        });
        return QTest::qWaitFor([&] { return answered; }, 10000) ? QStringLiteral("=") + found
                                                                : QString();
    }
    QString keep(const QString& key, const QString& secret)
    {
        QString said;
        bool answered = false;
        keychain_->keep(key, secret, [&](const QString& trouble) {
            said = trouble;
            answered = true;
        });
        return QTest::qWaitFor([&] { return answered; }, 10000) ? said
                                                                : QStringLiteral("no answer");
    }

private slots:
    void initTestCase()
    {
        if (program("dbus-daemon").isEmpty() || program("gnome-keyring-daemon").isEmpty())
            QSKIP("this needs dbus-daemon and gnome-keyring-daemon");
        for (const char* name :
             {"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"})
            qputenv(name, QFile::encodeName(home_.path()));
        qputenv("XDG_CURRENT_DESKTOP", "GNOME");
        qunsetenv("DISPLAY");
        // A bus that starts nothing by itself.
        QFile config(home_.filePath(QStringLiteral("bus.conf")));
        QVERIFY(config.open(QIODevice::WriteOnly));
        config.write("<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
                     "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
                     "<busconfig><type>session</type><listen>unix:tmpdir=" +
                     QFile::encodeName(home_.path()) +
                     "</listen><policy context=\"default\"><allow send_destination=\"*\"/>"
                     "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>");
        config.close();
        bus_.start(program("dbus-daemon"),
                   {QStringLiteral("--config-file=") + config.fileName(),
                    QStringLiteral("--nofork"), QStringLiteral("--print-address")});
        QVERIFY2(bus_.waitForReadyRead(10000), bus_.readAllStandardError().constData());
        qputenv("DBUS_SESSION_BUS_ADDRESS", bus_.readLine().trimmed());
        // Not before: the connection to the bus is made once.
        if (!makeDesktopKeychain())
            QSKIP("built without QtKeychain");
        service_.start(program("gnome-keyring-daemon"),
                       {QStringLiteral("--foreground"), QStringLiteral("--unlock"),
                        QStringLiteral("--components=secrets")});
        QVERIFY(service_.waitForStarted());
        service_.write("the user's own password");
        service_.closeWriteChannel();
        QTRY_VERIFY_WITH_TIMEOUT(QDBusConnection::sessionBus().interface()->isServiceRegistered(
                                     QStringLiteral("org.freedesktop.secrets")),
                                 10000);
        keychain_ = makeDesktopKeychain();
        QTRY_VERIFY_WITH_TIMEOUT(keychain_->available(), 10000);
    }
    void cleanupTestCase()
    {
        keychain_.reset();
        for (QProcess* process : {&service_, &bus_}) {
            process->terminate();
            if (process->state() != QProcess::NotRunning && !process->waitForFinished(5000))
                process->kill();
            process->waitForFinished(5000);
        }
    }

    void keepsReadsAndForgets()
    {
        const QString key = QStringLiteral("postgresql://dba@db1/shop via bastion");
        QCOMPARE(read(key), QStringLiteral("="));
        QCOMPARE(keep(key, QStringLiteral("0pen-Sesame ünd")), QString());
        QCOMPARE(read(key), QStringLiteral("=0pen-Sesame ünd"));
        QCOMPARE(read(QStringLiteral("postgresql://dba@db1/shop")), QStringLiteral("="));
        keychain_->forget(key);
        QTRY_COMPARE(read(key), QStringLiteral("="));
    }

    void nothingOfItIsReadable()
    {
        QCOMPARE(keep(QStringLiteral("service=shop"), QStringLiteral("0pen-Sesame")), QString());
        int looked = 0;
        for (QDirIterator it(home_.path(), QDir::Files, QDirIterator::Subdirectories);
             it.hasNext();) {
            QFile file(it.next());
            QVERIFY(file.open(QIODevice::ReadOnly));
            QVERIFY2(!file.readAll().contains("0pen-Sesame"), qPrintable(file.fileName()));
            ++looked;
        }
        QVERIFY(looked > 0);
    }

    void withoutTheServiceItSaysSo()
    {
        service_.terminate();
        QVERIFY(service_.waitForFinished(5000));
        QCOMPARE(read(QStringLiteral("service=shop")), QStringLiteral("="));
        const QString trouble = keep(QStringLiteral("service=shop"), QStringLiteral("x"));
        QVERIFY(!trouble.isEmpty());
        QVERIFY(trouble != QStringLiteral("no answer"));
    }
};

QTEST_GUILESS_MAIN(TestDesktopKeychain)
#include "tst_desktopkeychain.moc"
