// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/check.h"

#include "core/analyze/checktext.h"
#include "core/source/metricspools.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QString>

#include <utility>

namespace poolscope {

namespace {

constexpr int mostJsonPools = 256;
constexpr int mostJsonSettings = 256;

/// A value as an agent would have told it.
std::string settingText(const QJsonValue& value)
{
    if (value.isBool())
        return value.toBool() ? "true" : "false";
    if (value.isDouble())
        return QString::number(value.toDouble(), 'g', 15).toStdString();
    return plain_line(value.toString().toStdString(), 256);
}

Text textIn(const QJsonObject& object, const char* name)
{
    const QJsonValue value = object.value(QLatin1String(name));
    return value.isString() ? Text{plain_line(value.toString().toStdString(), 512)} : Text{};
}

/// A URL may hold a user and a password: what is printed has neither.
Text addressIn(const QJsonObject& object, const char* name)
{
    const Text told = textIn(object, name);
    return told.is_null() ? told : Text{pool_name_of(told.str())};
}

void takeSettings(const QJsonObject& object, Pool& pool)
{
    int count = 0;
    for (auto it = object.begin(); it != object.end() && count < mostJsonSettings; ++it, ++count) {
        if (it->isBool() || it->isDouble() || it->isString())
            pool.configuration.emplace_back(plain_line(it.key().toStdString(), 128),
                                            settingText(*it));
    }
}

/// An object of `pools --json`, or of a pool's settings in Poolscope's own names. Null: neither.
std::optional<Pool> poolOf(const QJsonObject& object, const std::string& file)
{
    Pool pool;
    if (object.value(QLatin1String("config")).isObject()) {
        pool.name = addressIn(object, "pool");
        pool.kind = textIn(object, "kind");
        pool.database = addressIn(object, "database");
        const QJsonValue max = object.value(QLatin1String("max"));
        if (max.isDouble() && max.toDouble() >= 0 && max.toDouble() < 1e9)
            pool.max = max.toInteger();
        takeSettings(object.value(QLatin1String("config")).toObject(), pool);
        return pool;
    }
    if (!object.contains(QLatin1String("max_connections")))
        return std::nullopt;
    pool.kind = Text{std::string("poolscope")};
    pool.name = addressIn(object, "name");
    pool.database = addressIn(object, "database");
    takeSettings(object, pool);
    if (pool.name.empty())
        pool.name = Text{QFileInfo(QString::fromStdString(file)).fileName().toStdString()};
    return pool;
}

Result<ConfigFile> readJson(const std::string& file, const QByteArray& bytes)
{
    QJsonParseError trouble{};
    const QJsonDocument document = QJsonDocument::fromJson(bytes, &trouble);
    const std::string name = plain_line(file, 256);
    if (trouble.error != QJsonParseError::NoError) {
        const auto line = bytes.left(trouble.offset).count('\n') + 1;
        return Error{name + ", line " + std::to_string(line) + ": " +
                         trouble.errorString().toStdString() + '.',
                     "Correct the file, or give one that pools --json printed."};
    }
    QJsonArray all = document.isArray() ? document.array() : QJsonArray{document.object()};
    const QJsonValue inside = document.object().value(QLatin1String("pools"));
    if (inside.isArray())
        all = inside.toArray();
    ConfigFile read;
    int other = 0;
    for (const QJsonValue each : std::as_const(all)) {
        auto pool = poolOf(each.toObject(), file);
        if (pool && read.pools.size() < mostJsonPools)
            read.pools.push_back(std::move(*pool));
        else
            ++other;
    }
    if (read.pools.empty())
        return Error{name + ", line 1: no pool that Poolscope knows.",
                     "It reads what pools --json prints, and a pool's settings by Poolscope's own "
                     "names."};
    if (other > 0)
        read.notes.push_back(name + ": " + std::to_string(other) +
                             " entries are no pools; they are not judged.");
    return read;
}

} // namespace

bool isRecordingFile(const std::string& file)
{
    QFile opened(QString::fromStdString(file));
    // Opening a pipe waits for who writes to it.
    if (!QFileInfo(opened).isFile() || !opened.open(QIODevice::ReadOnly))
        return file.ends_with(".poolrec");
    return opened.peek(15) == QByteArray("SQLite format 3") || file.ends_with(".poolrec");
}

Result<CheckedFile> readCheckedFile(const std::string& file, TargetId id)
{
    const std::string name = plain_line(file, 256);
    QFile opened(QString::fromStdString(file));
    // A folder or a pipe is no configuration, and reading one may wait for ever.
    if (!QFileInfo(opened).isFile() || !opened.open(QIODevice::ReadOnly))
        return Error{name + " could not be read: " +
                         (opened.error() == QFileDevice::NoError
                              ? std::string{"it is no file"}
                              : opened.errorString().toStdString()) +
                         '.',
                     "Give the name of a file that this user may read."};
    const QByteArray bytes = opened.read(static_cast<qint64>(longest_config_text) + 1);
    if (static_cast<std::size_t>(bytes.size()) > longest_config_text)
        return Error{name + ", line 1: the file is larger than 1 MiB; that is no configuration.",
                     "Give the file that the pool's settings stand in."};
    const std::string text = bytes.toStdString();
    const auto ends = [&](const char* with) {
        return QString::fromStdString(file).endsWith(QLatin1String(with), Qt::CaseInsensitive);
    };
    const auto readText = [&]() -> Result<ConfigFile> {
        if (ends(".json"))
            return readJson(file, bytes);
        if (ends(".yml") || ends(".yaml"))
            return read_config_file(file, ConfigFormat::yaml, text);
        if (ends(".ini"))
            return read_config_file(file, ConfigFormat::ini, text);
        if (ends(".properties"))
            return read_config_file(file, ConfigFormat::properties, text);
        return Error{name + " is of a kind that check does not read.",
                     "Give a recording, or a file that ends in .properties, .yml, .yaml, .ini or "
                     ".json."};
    };
    Result<ConfigFile> read = readText();
    if (!read)
        return read.error();
    CheckedFile checked;
    checked.name = file;
    checked.target.info = {id, "file", name, name};
    checked.target.from_file = !ends(".json");
    checked.content = std::move(read).value();
    checked.target.pools = checked.content.pools;
    return checked;
}

} // namespace poolscope
