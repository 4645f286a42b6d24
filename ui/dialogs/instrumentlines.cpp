// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/instrumentlines.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>

#include <algorithm>

namespace poolscope {

namespace {

QString words(const char* text)
{
    return QCoreApplication::translate("InstrumentDialog", text);
}

QString resourceText(const QString& name)
{
    QFile file(QStringLiteral(":/agents/") + name);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()).trimmed() : QString();
}

QString linesFile(const QString& id)
{
    return id.section(QLatin1Char('/'), 0, 0) + QStringLiteral("/lines/") +
           id.section(QLatin1Char('/'), 1) + QStringLiteral(".txt");
}

QString installFile(const QString& id)
{
    return id.section(QLatin1Char('/'), 0, 0) + QStringLiteral("/lines/install.txt");
}

std::vector<InstrumentStack> allStacks()
{
    const QString shell = words("In a shell");
    const QString build = words("In a shell, and in pom.xml");
    const auto python = [&](const char* id, const char* title, const QString& hint) {
        return InstrumentStack{QString::fromLatin1(id), QString::fromLatin1(title),
                               QStringLiteral("Python"), shell, hint};
    };
    const auto rust = [](const char* id, const char* title) {
        return InstrumentStack{QString::fromLatin1(id), QString::fromLatin1(title),
                               QStringLiteral("Rust"), words("In Cargo.toml"),
                               words("Where the pool is built.")};
    };
    const auto java = [&](const char* id, const QString& title) {
        return InstrumentStack{
            QString::fromLatin1(id), title, QStringLiteral("Java"), build,
            words("Where the data source is made; what it returns is used instead "
                  "of it.")};
    };
    return {
        python("python/sqlalchemy", "SQLAlchemy", words("Right behind create_engine.")),
        python("python/sqlalchemy-async", "SQLAlchemy, async",
               words("Right behind create_async_engine.")),
        {QStringLiteral("go/database-sql"), QStringLiteral("database/sql"), QStringLiteral("Go"),
         words("In go.mod"), words("Instead of sql.Open, with the driver that you have.")},
        rust("rust/r2d2", "r2d2"),
        rust("rust/diesel", "Diesel"),
        java("java/hikaricp", QStringLiteral("HikariCP")),
        java("java/dbcp2", QStringLiteral("Commons DBCP2")),
        java("java/tomcat", QStringLiteral("Tomcat JDBC")),
        java("java/druid", QStringLiteral("Druid (Alibaba)")),
        java("java/datasource", words("Any DataSource")),
        {QStringLiteral("cpp/pool"), words("Poolscope's own pool"), QStringLiteral("C++"),
         words("In CMakeLists.txt"), words("Where the service starts; conninfo is libpq's.")},
    };
}

} // namespace

std::vector<InstrumentStack> instrumentStacks()
{
    std::vector<InstrumentStack> stacks = allStacks();
    std::erase_if(stacks, [](const InstrumentStack& stack) {
        return resourceText(linesFile(stack.id)).isEmpty() ||
               resourceText(installFile(stack.id)).isEmpty();
    });
    return stacks;
}

QString instrumentLines(const InstrumentStack& stack, const QString& pool)
{
    QString literal = pool;
    literal.replace(QLatin1Char('\\'), QStringLiteral("\\\\"));
    literal.replace(QLatin1Char('"'), QStringLiteral("\\\""));
    return resourceText(linesFile(stack.id)).replace(QStringLiteral("@POOL@"), literal);
}

QString installLines(const InstrumentStack& stack)
{
    return resourceText(installFile(stack.id)).replace(QStringLiteral("@AGENTS@"), agentsFolder());
}

namespace {

QString findAgentsFolder()
{
    const QString installed = QStringLiteral("share/poolscope/agents");
    QDir folder(QCoreApplication::applicationDirPath());
    const QString beside = folder.filePath(QStringLiteral("../") + installed);
    if (QDir(beside).exists())
        return QDir::cleanPath(beside);
    // Built and not installed.
    for (int up = 0; up < 4 && folder.cdUp(); ++up) {
        QString source = folder.filePath(QStringLiteral("resources/agents"));
        if (QFile::exists(source + QStringLiteral("/python/pyproject.toml")))
            return source;
    }
    return QStringLiteral("/usr/") + installed;
}

} // namespace

QString agentsFolder()
{
    static const QString folder = findAgentsFolder(); // asked for at each key that is pressed
    return folder;
}

bool isPoolName(const QString& name)
{
    return !name.trimmed().isEmpty() && name.size() <= 60 &&
           std::all_of(name.begin(), name.end(), [](QChar c) { return c.isPrint(); });
}

} // namespace poolscope
