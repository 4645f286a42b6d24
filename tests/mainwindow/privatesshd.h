// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDir>
#include <QFile>
#include <QHostAddress>
#include <QProcess>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace poolscope::test {

/// A bastion: sshd on loopback with keys of its own, gone with this object, and an ssh that knows
/// them, for POOLSCOPE_SSH. Runs as an ordinary user, also when the test is root.
class PrivateSshd
{
public:
    ~PrivateSshd()
    {
        sshd_.terminate();
        sshd_.waitForFinished(5000);
    }

    /// Why it does not run here; empty: it runs.
    QString start()
    {
        const QString sshd =
            QStandardPaths::findExecutable(QStringLiteral("sshd"), {QStringLiteral("/usr/sbin")});
        const QString keygen = QStandardPaths::findExecutable(QStringLiteral("ssh-keygen"));
        if (sshd.isEmpty() || keygen.isEmpty())
            return QStringLiteral("this needs sshd and ssh-keygen");
        for (const char* key : {"host", "user"})
            if (QProcess::execute(keygen, {QStringLiteral("-q"), QStringLiteral("-t"),
                                           QStringLiteral("ed25519"), QStringLiteral("-N"),
                                           QString(), QStringLiteral("-f"), path(key)}) != 0)
                return QStringLiteral("ssh-keygen makes no key");
        QTcpServer free;
        if (!free.listen(QHostAddress::LocalHost))
            return free.errorString();
        port_ = free.serverPort();
        free.close();
        write("config", QStringLiteral("Port %1\nListenAddress 127.0.0.1\nHostKey %2\n"
                                       "AuthorizedKeysFile %3\nStrictModes no\nPidFile none\n"
                                       "UsePAM no\nPasswordAuthentication no\n"
                                       "KbdInteractiveAuthentication no\nPermitRootLogin yes\n")
                            .arg(port_)
                            .arg(path("host"), path("user.pub")));
        write("ssh", QStringLiteral("#!/bin/sh\necho \"$@\" >> %1\n"
                                    "exec ssh -F none -p %2 -i %3 -o IdentitiesOnly=yes "
                                    "-o IdentityAgent=none -o StrictHostKeyChecking=accept-new "
                                    "-o UserKnownHostsFile=%4 \"$@\"\n")
                         .arg(path("calls"))
                         .arg(port_)
                         .arg(path("user"), path("known")));
        QFile::setPermissions(client(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        if (const QString trouble = beOrdinary(); !trouble.isEmpty())
            return trouble;
        sshd_.start(sshd, {QStringLiteral("-D"), QStringLiteral("-e"), QStringLiteral("-f"),
                           path("config")});
        for (int i = 0; i < 50; ++i) {
            QTcpSocket probe;
            probe.connectToHost(QHostAddress::LocalHost, port_);
            if (probe.waitForConnected(200))
                return {};
            if (sshd_.waitForFinished(100) || sshd_.state() == QProcess::NotRunning)
                break;
        }
        return QStringLiteral("sshd does not start here: ") +
               QString::fromLocal8Bit(sshd_.readAllStandardError());
    }

    QString client() const { return path("ssh"); }
    QString host() const { return user_ + QStringLiteral("@127.0.0.1"); }
    /// The command lines that the client was called with, without the program.
    QString calls() const
    {
        QFile file(path("calls"));
        return file.open(QIODevice::ReadOnly) ? QString::fromLocal8Bit(file.readAll()) : QString();
    }

private:
    QString path(const char* name) const { return dir_.filePath(QString::fromLatin1(name)); }
    void write(const char* name, const QString& text) const
    {
        QFile file(path(name));
        if (file.open(QIODevice::WriteOnly))
            file.write(text.toUtf8());
    }
    /// As root sshd wants a folder of the system's.
    QString beOrdinary()
    {
        const passwd* who = ::getpwuid(::geteuid());
        if (::geteuid() == 0)
            who = ::getpwnam("postgres") ? ::getpwnam("postgres") : ::getpwnam("nobody");
        if (!who)
            return QStringLiteral("there is no user to run sshd as");
        user_ = QString::fromLocal8Bit(who->pw_name);
        if (::geteuid() != 0)
            return {};
        const uid_t uid = who->pw_uid;
        const gid_t gid = who->pw_gid;
        for (const QString& each : {dir_.path(), path("host"), path("user.pub"), path("config")})
            if (::chown(QFile::encodeName(each).constData(), uid, gid) != 0)
                return QStringLiteral("%1 cannot be given away").arg(each);
        sshd_.setChildProcessModifier([uid, gid] {
            if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)
                ::_exit(126);
        });
        return {};
    }

    QTemporaryDir dir_{QDir::tempPath() + QStringLiteral("/psh-XXXXXX")};
    QProcess sshd_;
    quint16 port_ = 0;
    QString user_;
};

} // namespace poolscope::test
