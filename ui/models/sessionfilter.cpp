// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessionfilter.h"

#include "ui/models/formatter.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <cstring>

namespace poolscope {

namespace {

/// Bytes are compared without decoding where the needle is ASCII: most are, and statements are
/// long.
bool containsText(const std::string& hay, const QString& needle)
{
    if (needle.isEmpty())
        return true;
    const QByteArray bytes = needle.toUtf8();
    const bool ascii = std::all_of(bytes.begin(), bytes.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ascii)
        return QString::fromStdString(hay).contains(needle, Qt::CaseInsensitive);
    const auto fold = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    return std::search(hay.begin(), hay.end(), bytes.begin(), bytes.end(),
                       [fold](char a, char b) { return fold(a) == fold(b); }) != hay.end();
}

/// '*' stands for any run of characters.
bool matchesPattern(QStringView text, QStringView pattern)
{
    qsizetype t = 0, p = 0, star = -1, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == QLatin1Char('*')) {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p].toCaseFolded() == text[t].toCaseFolded()) {
            ++p;
            ++t;
        } else if (star >= 0) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == QLatin1Char('*'))
        ++p;
    return p == pattern.size();
}

} // namespace

/// Reads the terms one after another.
class FilterReader
{
public:
    explicit FilterReader(const QString& text)
        : text_(text)
    {}

    SessionFilter::Parsed read()
    {
        SessionFilter::Parsed parsed;
        while (skipSpaces()) {
            SessionFilter::Term term;
            if (text_[at_] == QLatin1Char('-') && at_ + 1 < text_.size() &&
                !text_[at_ + 1].isSpace()) {
                term.negated = true;
                ++at_;
            }
            const QString error = readTerm(term);
            if (!error.isEmpty()) {
                parsed.error = error;
                return parsed;
            }
            parsed.filter.terms_.push_back(std::move(term));
        }
        return parsed;
    }

private:
    using Field = SessionFilter::Field;

    bool skipSpaces()
    {
        while (at_ < text_.size() && text_[at_].isSpace())
            ++at_;
        return at_ < text_.size();
    }

    QString readTerm(SessionFilter::Term& term)
    {
        const qsizetype begin = at_;
        while (at_ < text_.size() && (text_[at_].isLetter() || text_[at_] == QLatin1Char('_')))
            ++at_;
        const QString word = text_.mid(begin, at_ - begin).toLower();
        const QChar next = at_ < text_.size() ? text_[at_] : QChar(QLatin1Char(' '));
        if (next == QLatin1Char(':') && !word.isEmpty()) {
            ++at_;
            return readField(term, word);
        }
        if ((next == QLatin1Char('>') || next == QLatin1Char('<')) &&
            (word == QLatin1String("age") || word == QLatin1String("tx"))) {
            ++at_;
            return readAge(term, word, next == QLatin1Char('>'));
        }
        if (next.isSpace() &&
            (word == QLatin1String("blocked") || word == QLatin1String("blocking"))) {
            term.field = word == QLatin1String("blocked") ? Field::blocked : Field::blocking;
            return {};
        }
        at_ = begin;
        return readValue(term, false);
    }

    QString readField(SessionFilter::Term& term, const QString& word)
    {
        static const std::pair<const char*, Field> fields[] = {{"state", Field::state},
                                                               {"app", Field::application},
                                                               {"application", Field::application},
                                                               {"user", Field::user},
                                                               {"db", Field::database},
                                                               {"database", Field::database},
                                                               {"client", Field::client},
                                                               {"pid", Field::pid}};
        const auto* const found =
            std::find_if(std::begin(fields), std::end(fields),
                         [&](const auto& f) { return word == QLatin1String(f.first); });
        if (found == std::end(fields))
            return tr("“%1” is not a field. Fields are state, app, user, db, client, pid; to "
                      "search "
                      "for the text, put it in quotes.")
                .arg(word.left(40));
        term.field = found->second;
        do {
            QString error = readValue(term, true);
            if (!error.isEmpty())
                return error;
        } while (at_ < text_.size() && text_[at_] == QLatin1Char(',') && ++at_);
        return check(term, word);
    }

    QString readValue(SessionFilter::Term& term, bool list)
    {
        SessionFilter::Value value;
        if (at_ < text_.size() && text_[at_] == QLatin1Char('"')) {
            value.exact = true;
            for (++at_; at_ < text_.size() && text_[at_] != QLatin1Char('"'); ++at_) {
                if (text_[at_] == QLatin1Char('\\') && at_ + 1 < text_.size())
                    ++at_;
                value.text += text_[at_];
            }
            if (at_ == text_.size())
                return tr("A quotation mark is not closed.");
            ++at_;
        } else {
            while (at_ < text_.size() && !text_[at_].isSpace() &&
                   !(list && text_[at_] == QLatin1Char(',')))
                value.text += text_[at_++];
        }
        term.values.push_back(std::move(value));
        return {};
    }

    QString readAge(SessionFilter::Term& term, const QString& word, bool longer)
    {
        const qsizetype begin = at_;
        while (at_ < text_.size() && !text_[at_].isSpace())
            ++at_;
        const QString written = text_.mid(begin, at_ - begin);
        const std::optional<Duration> limit = parse_duration(written.toStdString());
        if (!limit)
            return tr("“%1%2” needs a duration after it, such as 30s, 5m or 2h.")
                .arg(word, longer ? QStringLiteral(">") : QStringLiteral("<"));
        term.field = word == QLatin1String("age") ? Field::age : Field::transaction;
        term.longer = longer;
        term.limit = *limit;
        return {};
    }

    static QString check(const SessionFilter::Term& term, const QString& word)
    {
        for (const SessionFilter::Value& value : term.values) {
            if (value.text.isEmpty() && !value.exact)
                return tr("“%1:” needs a value after it.").arg(word);
            if (term.field == Field::pid) {
                bool number = false;
                value.text.toLongLong(&number);
                if (!number)
                    return tr("A pid is a number; “%1” is not.").arg(value.text.left(40));
            }
            if (term.field == Field::state && !knowsState(value.text))
                return tr("“%1” is no state. States are active, idle, idle_in_transaction, "
                          "idle_in_transaction_aborted, waiting, other; * stands for anything.")
                    .arg(value.text.left(40));
        }
        return {};
    }

    static bool knowsState(const QString& pattern)
    {
        for (std::size_t i = 0; i < session_state_count; ++i) {
            const auto name = name_of(static_cast<SessionState>(i));
            if (matchesPattern(
                    QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())), pattern))
                return true;
        }
        return false;
    }

    const QString text_;
    qsizetype at_ = 0;
};

SessionFilter::Parsed SessionFilter::parse(const QString& text)
{
    return FilterReader(text).read();
}

bool SessionFilter::dependsOnTime() const
{
    return std::any_of(terms_.begin(), terms_.end(), [](const Term& t) {
        return t.field == Field::age || t.field == Field::transaction;
    });
}

bool SessionFilter::matches(const SessionRow& row, Timestamp now) const
{
    return std::all_of(terms_.begin(), terms_.end(),
                       [&](const Term& term) { return holds(term, row, now) != term.negated; });
}

bool SessionFilter::holds(const Term& term, const SessionRow& row, Timestamp now)
{
    const Session& s = row.session;
    const auto longEnough = [&](const std::optional<Timestamp>& since) {
        return since && (term.longer ? now - *since > term.limit : now - *since < term.limit);
    };
    const auto has = [&](const Text& text) {
        return std::any_of(term.values.begin(), term.values.end(), [&](const Value& v) {
            if (v.exact)
                return Formatter::line(text.str()).compare(v.text, Qt::CaseInsensitive) == 0;
            if (v.text.contains(QLatin1Char('*')))
                return matchesPattern(QString::fromStdString(text.str()), v.text);
            return containsText(text.str(), v.text);
        });
    };
    const auto anyOf = [&](auto test) {
        return std::any_of(term.values.begin(), term.values.end(), test);
    };
    switch (term.field) {
    case Field::state: {
        const auto name = name_of(s.state);
        const QString state = QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
        return anyOf([&](const Value& v) { return matchesPattern(state, v.text); });
    }
    case Field::application:
        return has(s.application);
    case Field::user:
        return has(s.user);
    case Field::database:
        return has(s.database);
    case Field::client:
        return has(s.client);
    case Field::pid:
        return anyOf([&](const Value& v) { return v.text.toLongLong() == s.key.pid.value; });
    case Field::blocked:
        return !s.blocked_by.empty();
    case Field::blocking:
        return row.blocks > 0;
    case Field::age:
        return longEnough(s.state_since);
    case Field::transaction:
        return longEnough(s.transaction_since);
    case Field::any:
        break;
    }
    return anyOf([&](const Value& v) {
        return containsText(s.user.str(), v.text) || containsText(s.database.str(), v.text) ||
               containsText(s.application.str(), v.text) || containsText(s.client.str(), v.text) ||
               QString::number(s.key.pid.value).contains(v.text) ||
               containsText(s.statement.str(), v.text);
    });
}

QString SessionFilter::longIdleInTransaction()
{
    return QStringLiteral("state:idle_in_transaction* age>5m");
}

QString SessionFilter::ofText(const QString& text)
{
    QString quoted = text;
    quoted.replace(QLatin1Char('\\'), QLatin1String("\\\\"));
    quoted.replace(QLatin1Char('"'), QLatin1String("\\\""));
    return QLatin1Char('"') + quoted + QLatin1Char('"');
}

QString SessionFilter::ofApplication(const QString& application)
{
    return QStringLiteral("app:") + ofText(application);
}

QString SessionFilter::likeThis(const Session& session)
{
    const QString application = ofApplication(Formatter::line(session.application.str()));
    if (session.state == SessionState::idle_in_transaction ||
        session.state == SessionState::idle_in_transaction_aborted)
        return longIdleInTransaction() + QLatin1Char(' ') + application;
    const auto name = name_of(session.state);
    return QStringLiteral("state:%1 %2")
        .arg(QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())), application);
}

} // namespace poolscope
