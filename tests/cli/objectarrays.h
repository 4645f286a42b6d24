// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/objects.h"
#include "tests/support/poolscene.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QObject>
#include <QStringList>

namespace poolscope::support {

inline QJsonValue of(const QJsonValue& object, const char* key)
{
    return object.toObject().value(QLatin1String(key));
}

/// What is written of the picture, read again as JSON.
inline QJsonArray arrayOf(void (*write)(JsonWriter&, const Picture&), const Picture& picture)
{
    JsonWriter json;
    json.begin_array();
    write(json, picture);
    json.end_array();
    QJsonParseError error{};
    const auto document = QJsonDocument::fromJson(QByteArray::fromStdString(json.text()), &error);
    if (error.error != QJsonParseError::NoError)
        qWarning() << error.errorString() << json.text().c_str();
    return document.array();
}

/// Tests of what a scene of pools looks like as JSON objects.
class PoolObjects : public QObject
{
protected:
    using Write = void (*)(JsonWriter&, const Picture&);
    static QJsonArray array(Write write, const Picture& picture) { return arrayOf(write, picture); }
    static QStringList keysOf(const QJsonValue& value);
    static QStringList sorted(const char* keys);

    PoolScene scene_;
    Picture picture_;
};

inline QStringList PoolObjects::keysOf(const QJsonValue& value)
{
    QStringList keys = value.toObject().keys();
    keys.sort();
    return keys;
}

inline QStringList PoolObjects::sorted(const char* keys)
{
    QStringList all = QString::fromLatin1(keys).split(QLatin1Char(' '));
    all.sort();
    return all;
}

} // namespace poolscope::support
