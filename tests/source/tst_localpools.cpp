// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/localpools.h"
#include "core/source/privatefolder.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLocalServer>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace poolscope;

class TestLocalPools : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void findsWhoListens();
    void clearsAwayTheDead();
    void keepsWhatMayLive();
    void touchesNothingElse();
    void unsafeFolders();
    void foldersOfTheEnvironment();
    void foldersThatWereLeft();
    void foldersThatAreHeld();
    void noMoreFoldersThanABoundAreLookedAt();

private:
    QString path(const QString& file) const { return folder_->filePath(file); }
    std::vector<LocalPool> look(bool exact = true) const
    {
        return localPoolsIn({{folder_->path().toStdString(), false, exact}});
    }
    /// As a crash leaves it: bound, and nobody listens.
    void deadSocket(const QString& file) const
    {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        const QByteArray name = QFile::encodeName(path(file));
        std::memcpy(address.sun_path, name.constData(), static_cast<std::size_t>(name.size()));
        QCOMPARE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ::close(fd);
    }
    static qint64 deadPid()
    {
        QProcess process;
        process.start(QStringLiteral("true"), QStringList());
        process.waitForStarted();
        const qint64 pid = process.processId();
        process.waitForFinished();
        return pid;
    }
    std::unique_ptr<QTemporaryDir> folder_;
};

void TestLocalPools::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
    QVERIFY(folder_->isValid());
}

void TestLocalPools::findsWhoListens()
{
    QLocalServer b;
    QLocalServer a;
    QLocalServer other;
    QVERIFY(b.listen(path(QStringLiteral("12-shop-2.sock"))));
    QVERIFY(a.listen(path(QStringLiteral("7-api.sock"))));
    QVERIFY(other.listen(path(QStringLiteral("postgres.sock"))));
    const std::vector<LocalPool> found = look();
    QCOMPARE(found.size(), std::size_t{2});
    QCOMPARE(found[0].name, QStringLiteral("api"));
    QCOMPARE(found[0].pid, 7);
    QCOMPARE(found[0].url, QStringLiteral("pool+unix://") + path(QStringLiteral("7-api.sock")));
    QCOMPARE(found[1].name, QStringLiteral("shop-2"));
    QCOMPARE(found[1].pid, 12);
    // The same folder by two ways is one.
    const wire::Place place{folder_->path().toStdString(), false, true};
    QCOMPARE(localPoolsIn({place, place}).size(), std::size_t{2});
}

void TestLocalPools::clearsAwayTheDead()
{
    const QString file = QStringLiteral("%1-shop.sock").arg(deadPid());
    deadSocket(file);
    QVERIFY(QFileInfo::exists(path(file)));
    QVERIFY(look().empty());
    QVERIFY(!QFileInfo::exists(path(file)));
}

void TestLocalPools::keepsWhatMayLive()
{
    // Nobody listens yet, but the process runs.
    const QString ours = QStringLiteral("%1-shop.sock").arg(QCoreApplication::applicationPid());
    deadSocket(ours);
    // Its process is gone, but somebody listens: a child that inherited it.
    QLocalServer server;
    const QString inherited = QStringLiteral("%1-shop.sock").arg(deadPid());
    QVERIFY(server.listen(path(inherited)));
    QCOMPARE(look().size(), std::size_t{1});
    QVERIFY(QFileInfo::exists(path(ours)));
    QVERIFY(QFileInfo::exists(path(inherited)));
}

void TestLocalPools::touchesNothingElse()
{
    const QString name = QStringLiteral("%1-shop.sock").arg(deadPid());
    QTemporaryDir elsewhere;
    QFile file(elsewhere.filePath(QStringLiteral("precious")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QVERIFY(QFile::link(file.fileName(), path(name)));
    const QString plain = QStringLiteral("%1-plain.sock").arg(deadPid());
    QVERIFY(QFile::copy(file.fileName(), path(plain)));
    deadSocket(QStringLiteral("notes.sock"));
    QVERIFY(QDir(folder_->path()).mkdir(QStringLiteral("1-folder.sock")));
    QVERIFY(look().empty());
    QVERIFY(QFileInfo(path(name)).isSymLink());
    QVERIFY(file.exists());
    QVERIFY(QFileInfo::exists(path(plain)));
    QVERIFY(QFileInfo::exists(path(QStringLiteral("notes.sock"))));
    QVERIFY(QFileInfo::exists(path(QStringLiteral("1-folder.sock"))));
}

void TestLocalPools::unsafeFolders()
{
    QLocalServer server;
    QVERIFY(server.listen(path(QStringLiteral("7-api.sock"))));
    const QString stale = QStringLiteral("%1-shop.sock").arg(deadPid());
    deadSocket(stale);
    const QByteArray folder = QFile::encodeName(folder_->path());
    // Others may write there: what stands there is nobody's word.
    QCOMPARE(::chmod(folder.constData(), 0707), 0);
    QVERIFY(look(false).empty());
    QVERIFY(QFileInfo::exists(path(stale)));
    QCOMPARE(::chmod(folder.constData(), 0750), 0);
    QVERIFY(look(true).empty());
    QCOMPARE(look(false).size(), std::size_t{1});
    QCOMPARE(::chmod(folder.constData(), 0700), 0);
    QTemporaryDir elsewhere;
    const QString link = elsewhere.filePath(QStringLiteral("link"));
    QVERIFY(QFile::link(folder_->path(), link));
    QVERIFY(localPoolsIn({{link.toStdString(), false, true}}).empty());
    QVERIFY(localPoolsIn({{link.toStdString() + "-none", false, true}}).empty());
}

void TestLocalPools::foldersOfTheEnvironment()
{
    const QByteArray before = qgetenv("XDG_RUNTIME_DIR");
    qputenv("XDG_RUNTIME_DIR", QFile::encodeName(folder_->path()));
    QVERIFY(QDir(folder_->path()).mkdir(QStringLiteral("poolscope")));
    QLocalServer server;
    QVERIFY(server.listen(path(QStringLiteral("poolscope/99-envtest.sock"))));
    const std::vector<LocalPool> found = localPools();
    qputenv("XDG_RUNTIME_DIR", before);
    QVERIFY(std::any_of(found.begin(), found.end(), [](const LocalPool& pool) {
        return pool.name == QStringLiteral("envtest") && pool.pid == 99;
    }));
}

/// Of Poolscopes that were killed.
void TestLocalPools::foldersThatWereLeft()
{
    const auto make = [this](const QString& name, mode_t mode = 0700) {
        QDir(folder_->path()).mkdir(name);
        QFile inside(path(name + QStringLiteral("/capture.poolrec")));
        if (!inside.open(QIODevice::WriteOnly))
            qFatal("cannot write");
        ::chmod(QFile::encodeName(path(name)).constData(), mode);
        return name;
    };
    const QString dead = QStringLiteral("poolscope-%1-").arg(deadPid());
    QStringList kept;
    kept += make(QStringLiteral("poolscope-%1-aBcDeF").arg(QCoreApplication::applicationPid()));
    kept += make(dead + QStringLiteral("openTo"), 0755);
    kept += make(dead + QStringLiteral("longer2"));
    kept += make(QStringLiteral("poolscope-1000"));
    kept += make(QStringLiteral("poolscope-aBcDeF"));
    kept += make(QStringLiteral("my-") + dead + QStringLiteral("aBcDeF"));
    kept += make(QStringLiteral("poolscope-0-aBcDeF"));
    kept += make(QStringLiteral("elsewhere"));
    QVERIFY(QFile::link(path(QStringLiteral("elsewhere")), path(dead + QStringLiteral("linked"))));
    kept += dead + QStringLiteral("linked");
    // As a container has it whose processes have numbers of their own.
    kept += make(dead + QStringLiteral("listen"));
    QLocalServer server;
    QVERIFY(server.listen(path(dead + QStringLiteral("listen/demo.sock"))));
    kept += make(dead + QStringLiteral("locked"));
    const int held = ::open(QFile::encodeName(path(kept.back())).constData(), O_RDONLY);
    QVERIFY(held >= 0 && ::flock(held, LOCK_SH | LOCK_NB) == 0);
    make(dead + QStringLiteral("aBcDeF"));
    make(dead + QStringLiteral("silent"));
    deadSocket(dead + QStringLiteral("silent/demo.sock"));

    clearLeftFolders(folder_->path());
    ::close(held);
    kept.sort();
    QCOMPARE(QDir(folder_->path()).entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name), kept);
    for (const QString& name : kept)
        QVERIFY2(QFileInfo::exists(path(name + QStringLiteral("/capture.poolrec"))),
                 qPrintable(name));
    // What is made now is such a folder.
    const auto mine = makeSocketFolder(QStringLiteral("a.sock"));
    QVERIFY(
        QFileInfo(mine->path())
            .fileName()
            .startsWith(QStringLiteral("poolscope-%1-").arg(QCoreApplication::applicationPid())));
    QCOMPARE(QFileInfo(mine->path()).permissions() & 0x0077, 0);
}

/// Of a process that has a number of its own somewhere else, which here is nobody's.
void TestLocalPools::foldersThatAreHeld()
{
    const QString name = path(QStringLiteral("poolscope-%1-XXXXXX").arg(deadPid()));
    QString held;
    {
        const PrivateFolder folder(name);
        QVERIFY(folder.isValid());
        held = folder.path();
        const int other = ::open(QFile::encodeName(held).constData(), O_RDONLY);
        QVERIFY(other >= 0);
        QCOMPARE(::flock(other, LOCK_EX | LOCK_NB), -1);
        ::close(other);
        clearLeftFolders(folder_->path());
        QVERIFY(QFileInfo::exists(held));
    }
    QVERIFY(!QFileInfo::exists(held));
    // Killed, it holds nothing.
    QVERIFY(QDir(folder_->path()).mkdir(held));
    ::chmod(QFile::encodeName(held).constData(), 0700);
    clearLeftFolders(folder_->path());
    QVERIFY(!QFileInfo::exists(held));
}

void TestLocalPools::noMoreFoldersThanABoundAreLookedAt()
{
    const QDir folder(folder_->path());
    const QString dead = QStringLiteral("poolscope-%1-").arg(deadPid());
    for (int i = 0; i < 30; ++i) {
        const QString name = dead + QStringLiteral("aBcD%1").arg(i + 10);
        QVERIFY(folder.mkdir(name));
        ::chmod(QFile::encodeName(path(name)).constData(), 0700);
    }
    const auto left = [&] {
        return folder.entryList({dead + QLatin1Char('*')}, QDir::Dirs).size();
    };
    clearLeftFolders(folder_->path(), 10);
    QCOMPARE(left(), 20);
    clearLeftFolders(folder_->path());
    QCOMPARE(left(), 0);
}

QTEST_GUILESS_MAIN(TestLocalPools)
#include "tst_localpools.moc"
