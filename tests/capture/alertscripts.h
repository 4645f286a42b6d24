// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

namespace poolscope::test {

/// Real scripts in a folder of their own, and what they left there.
class AlertScripts
{
public:
    QString path(const char* name) const { return folder_.filePath(QString::fromLatin1(name)); }

    /// A script that sh reads, in the folder that it writes to; $D is that folder.
    QString make(const char* name, const QByteArray& body,
                 const QByteArray& reader = "/bin/sh") const
    {
        QFile file(path(name));
        file.remove(); // one of before may be written by nobody but root
        const bool written =
            file.open(QIODevice::WriteOnly) &&
            file.write("#!" + reader + "\nD='" + folder_.path().toUtf8() + "'\n" + body) > 0;
        file.close();
        if (!written || !file.setPermissions(QFile::ReadOwner | QFile::ExeOwner))
            qFatal("%s cannot be written", name);
        return path(name);
    }
    /// One that keeps its input, its environment and its arguments: a line each in "out", "env" and
    /// "arguments". "out" is whole as soon as "arguments" has its line.
    QString keeper(const QByteArray& first = {}, const QByteArray& last = {}) const
    {
        return make("keeper", first +
                                  "cat >> $D/out\nenv | grep ^POOLSCOPE_ALERT_ | sort >> $D/env\n"
                                  "echo \"$# $*\" >> $D/arguments\n" +
                                  last);
    }

    QByteArray read(const char* name) const
    {
        QFile file(path(name));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    int count(const char* name) const { return static_cast<int>(read(name).count('\n')); }

    /// The message of that run, from 0.
    QJsonObject message(int run) const
    {
        return QJsonDocument::fromJson(read("out").split('\n').value(run)).object();
    }
    static QStringList rules(const QJsonObject& message)
    {
        QStringList rules;
        for (const QJsonValue& each : message[QStringLiteral("alerts")].toArray())
            rules += each[QStringLiteral("state")].toString() + u' ' +
                     each[QStringLiteral("rule")].toString();
        return rules;
    }

private:
    QTemporaryDir folder_;
};

} // namespace poolscope::test
