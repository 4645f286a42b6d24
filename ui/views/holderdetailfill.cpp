// SPDX-License-Identifier: GPL-3.0-or-later
// What the detail of a checkout, or of a place, says section by section.
#include "ui/views/holderdetail.h"

#include "ui/charts/pastlane.h"
#include "ui/models/placewords.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/prose.h"
#include "ui/theme/tooltip.h"
#include "ui/views/commandgate.h"
#include "ui/views/detailhead.h"
#include "ui/views/framelist.h"

#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>

#include <algorithm>
#include <map>
#include <set>

namespace poolscope {

namespace {

QString orMissing(const Text& text)
{
    return text.empty() ? Formatter::notReported() : Formatter::line(text.str(), 300);
}

template <class T>
QString number(const std::optional<T>& value)
{
    return value ? QString::number(*value) : Formatter::notReported();
}

QString inProse(const std::vector<std::string>& sentences)
{
    QStringList words;
    for (const std::string& sentence : sentences)
        words += Formatter::line(sentence, 1000);
    return words.join(QLatin1Char(' '));
}

/// A line number stays on the line of its file.
QString joined(QString prose)
{
    for (qsizetype i = prose.size() - 2; i > 0; --i) {
        if (prose.at(i) == u':' && prose.at(i + 1).isDigit() && !prose.at(i - 1).isSpace())
            prose.insert(i + 1, QChar(0x2060));
    }
    return prose;
}

/// "GET /search 5, POST /orders 3": most first, at most four of them.
QString counted(const std::map<QString, int>& values)
{
    std::vector<std::pair<QString, int>> sorted(values.begin(), values.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    QStringList words;
    for (const auto& [value, n] : sorted) {
        if (words.size() == 4) {
            words += HolderDetail::tr("%1 others").arg(sorted.size() - 4);
            break;
        }
        words +=
            sorted.size() == 1 ? value : QStringLiteral("%1 %2").arg(value, Formatter::count(n));
    }
    return words.join(QStringLiteral(", "));
}

} // namespace

void HolderDetail::show(const std::vector<CheckoutKey>& checkouts, const QString& place,
                        const Transport& transport)
{
    checkouts_ = checkouts;
    if (place_ != place)
        placeLead_.clear();
    place_ = place;
    const std::shared_ptr<const Checkout> checkout =
        checkouts.empty() ? nullptr : store_->checkout(checkouts.front());
    const PlaceAt at = checkout            ? placeAt(*store_, *checkout)
                       : checkouts.empty() ? placeAt(*store_, place)
                                           : PlaceAt{};
    const StatementsAt statements = checkout || at ? StatementsAt{} : statementsAt(*store_, place);
    ofStatements_ = place.startsWith(QLatin1Char('t')) && checkouts.empty();
    const QString result = checkouts.empty()
                               ? QString()
                               : resultWords(store_->lastAction(checkouts.front()), store_->now(),
                                             Formatter(context_.utc()));
    setResult(result);
    if (!checkout && !at && !statements) {
        const QString back = tr("This checkout has come back.");
        showNothing(
            !checkouts.empty() ? (result.isEmpty() ? back : back + QLatin1Char('\n') + result)
            : ofStatements_    ? tr("The statements prepared there no longer only grow in number.")
            : !place.isEmpty()
                ? (placeLead_.isEmpty()
                       ? tr("Nothing that was acquired there is held now.")
                       : tr("Nothing that was acquired at %1 is held now.").arg(placeLead_))
                : tr("Select a line or a checkout to see its stack, and who holds it."));
        stack_->setStack(nullptr, LeakSeverity::none);
        return;
    }
    showSections();
    whoHead_->setVisible(!statements);
    serverHead_->setVisible(!statements);
    const TargetSummary* const of = checkout     ? store_->target(checkout->key.target)
                                    : statements ? statements.target
                                                 : at.target;
    noStack_->setText(of && familyOf(of->info) == TargetFamily::bouncer
                          ? tr("A pooler sees no line of code: attach to the application, too.")
                          : tr("No acquire stack was taken."));
    stackHead_->setTitle(statements ? tr("Stack that prepares them") : tr("Acquire stack"));
    if (checkout)
        showCheckout(*checkout, at, transport);
    else if (statements)
        showStatements(statements, transport);
    else
        showPlace(at, transport);
    const auto old = of ? store_->staleness(of->info.id) : std::nullopt;
    setOld(old.has_value());
    stack_->setOld(old.has_value());
    updateFoot(transport);
}

void HolderDetail::setField(Field id, const QString& text)
{
    const auto& [caption, value] = fields_.at(static_cast<std::size_t>(id));
    showField(caption, value, !text.isEmpty());
    setTextOnce(value, unbroken(text));
}

void HolderDetail::showCaption(const TargetSummary* target, const Transport& transport)
{
    const Formatter format(context_.utc());
    QString caption;
    if (transport.mode != Mode::live)
        caption = tr("as of %1").arg(format.instant(store_->now(), store_->now()));
    else if (target)
        caption = Formatter::line(target->info.name, 60);
    whoHead_->setCaption(caption);
}

void HolderDetail::showStack(const StackRef& stack, LeakSeverity severity)
{
    if (openedOf_ && !same_stack(openedOf_, stack)) {
        openedOf_.reset();
        openWords_->hide();
        folder_->hide();
        editor_->hide();
    }
    stack_->setStack(stack, severity);
    const StackLine* const line = acquiring_line(stack.get());
    stack_->setVisible(stack != nullptr);
    noStack_->setVisible(!stack);
    copy_->setVisible(stack != nullptr);
    open_->setVisible(line && !line->file.empty());
}

void HolderDetail::showStatement(const Text& statement, const QString& caption)
{
    statementHead_->setCaption(caption);
    setStatement(statement_, statement.empty() ? QString() : Formatter::text(statement.str()));
}

/// Since when it has been held and what it does now, with the moments it became suspect and was
/// last heard of. What it did before its last change nobody told.
void HolderDetail::showPast(const Checkout& c, const Holder& holder, const LeakThresholds& judgedBy,
                            Duration ahead)
{
    const Timestamp now = store_->now();
    const Timestamp from = std::min(c.acquired - ahead, now);
    std::vector<PastLane::Span> spans{{from, SessionState::other}};
    if (c.busy) {
        const Timestamp since = c.busy_since ? std::clamp(*c.busy_since - ahead, from, now) : from;
        const auto latest = *c.busy ? SessionState::active : SessionState::idle_in_transaction;
        if (since == from)
            spans.front().state = latest;
        else
            spans.push_back({since, latest});
    }
    std::vector<PastLane::Moment> moments;
    // Whoever said that it takes longer is judged that much later.
    const Timestamp due =
        from + std::min(std::max(c.expected.value_or(Duration{0}), Duration{0}), now - from);
    if (holder.severity != LeakSeverity::none && due + judgedBy.alert < now)
        moments.push_back({due + judgedBy.alert, tr("held for too long")});
    if (holder.severity == LeakSeverity::critical && due + judgedBy.critical < now)
        moments.push_back({due + judgedBy.critical, tr("critical")});
    if (c.heartbeat)
        moments.push_back({std::clamp(*c.heartbeat - ahead, from, now), tr("last alive")});
    past_->setUtc(context_.utc());
    past_->setNames({{SessionState::other, tr("held")},
                     {SessionState::active, tr("held, busy")},
                     {SessionState::idle_in_transaction, tr("held, idle")}});
    past_->setSpans(std::move(spans), from, std::max(now, from + Duration{1}));
    past_->setMoments(std::move(moments));
}

void HolderDetail::showCheckout(const Checkout& c, const PlaceAt& at, const Transport& transport)
{
    const Formatter format(context_.utc());
    const TargetSummary* const target = store_->target(c.key.target);
    const Timestamp theirs = store_->now() + (target ? target->clock_offset : Duration{0});
    const Holder* const found = at ? holderOf(*at.place, c.key) : nullptr;
    Holder holder = found ? *found : Holder{};
    if (!found)
        holder.age = std::max(Duration{0}, theirs - c.acquired);
    const QString pool =
        c.pool.is_null() ? Formatter::notReported() : Formatter::line(c.pool.str(), 100);
    const QString word = holder.severity != LeakSeverity::none
                             ? Formatter::severity(holder.severity)
                         : holder.long_running ? tr("long-running")
                                               : tr("held");
    head().setHolder(Formatter::line(c.key.id.str(), 60), holder.severity,
                     QStringLiteral("%1, %2").arg(pool, word), Formatter::ageCell(holder.age));
    QString evidence =
        inProse(evidence_of(holder, c, store_->pool(c.key.target, c.pool), at.place, theirs));
    if (!c.reported.empty())
        evidence += QLatin1Char(' ') +
                    tr("The process itself says: %1.").arg(Formatter::line(c.reported.str(), 100));
    const ServerSide side = serverSideOf(c);
    showServerSide(side);
    for (const QString& sentence : side.evidence)
        evidence += QLatin1Char(' ') + sentence;
    setTextOnce(evidence_, joined(unbroken(evidence)));
    stackHead_->setCaption(
        tr("taken %1")
            .arg(format.instantExact(c.acquired - (theirs - store_->now()), store_->now())));
    showStack(c.stack, holder.severity);
    showCaption(target, transport);
    setField(acquiredBy, orMissing(c.acquired_by));
    QStringList lines;
    for (const auto& [name, value] : c.tags) {
        if (lines.size() == 16) {
            lines += tr("and %1 more").arg(c.tags.size() - 16);
            break;
        }
        lines += Formatter::line(name.str(), 60) + u'=' + Formatter::line(value.str(), 300);
    }
    setField(tags, c.tags.empty() ? tr("none") : lines.join(QLatin1Char('\n')));
    setField(thread, orMissing(c.thread));
    const QString whole = orMissing(c.trace_id);
    constexpr qsizetype end = 11;
    const bool cut = whole.size() > 2 * end + 4;
    setField(trace, cut ? whole.left(end) + QChar(0x2026) + whole.right(end) : whole);
    fields_.at(static_cast<std::size_t>(trace))
        .second->setToolTip(cut ? plainToolTip(whole) : QString());
    setField(wait, c.wait ? Formatter::ageCell(*c.wait) : Formatter::notReported());
    setField(expected, c.expected ? Formatter::ageCell(*c.expected) : QString());
    setField(beat, c.heartbeat ? tr("%1 ago").arg(Formatter::ageCell(
                                     std::max(Duration{0}, theirs - *c.heartbeat)))
                               : QString());
    setField(port, number(c.local_port));
    setField(connection, orMissing(c.connection));
    QString caption;
    if (c.busy && c.busy_since) {
        const QString since = Formatter::ageProse(std::max(Duration{0}, theirs - *c.busy_since));
        caption = *c.busy ? tr("running for %1").arg(since) : tr("last, ended %1 ago").arg(since);
    }
    if (c.statement.empty() && !side.statement.empty())
        showStatement(side.statement, tr("as the server tells it"));
    else
        showStatement(c.statement, caption);
    statementHead_->show();
    statement_->show();
    showPast(c, holder, at ? at.place->thresholds : LeakThresholds{},
             target ? target->clock_offset : Duration{0});
    pastHead_->show();
    past_->show();
}

void HolderDetail::showPlace(const PlaceAt& at, const Transport& transport)
{
    const Place& place = *at.place;
    const TargetId target = at.target->info.id;
    const PlaceName name = placeName(at.target->info, place);
    placeLead_ = name.lead;
    const QString pool =
        place.pool.is_null() ? Formatter::notReported() : Formatter::line(place.pool.str(), 100);
    const auto held = std::ssize(place.holders);
    head().setHolder(
        name.lead, place.severity, pool,
        QStringLiteral("%1/%2").arg(Formatter::count(place.suspected), Formatter::count(held)));
    std::map<QString, int> who;
    std::map<QString, std::map<QString, int>> tagged;
    std::set<QString> statements;
    QStringList pids;
    std::vector<CheckoutKey> keys;
    for (const Holder& holder : place.holders)
        keys.push_back(holder.checkout);
    ServerPids known(*store_, keys);
    Text statement;
    int idle = 0, longRunning = 0;
    for (const Holder& holder : place.holders) {
        longRunning += holder.long_running ? 1 : 0;
        const auto c = store_->checkout(holder.checkout);
        if (!c)
            continue;
        ++who[c->acquired_by.empty() ? Formatter::notReported()
                                     : Formatter::line(c->acquired_by.str(), 100)];
        for (const auto& [tag, value] : c->tags) {
            if (tagged.size() < 16 || tagged.contains(Formatter::line(tag.str(), 60)))
                ++tagged[Formatter::line(tag.str(), 60)][Formatter::line(value.str(), 60)];
        }
        idle += c->busy && !*c->busy ? 1 : 0;
        const auto own = pids.size() < 40 ? known.of(*c) : std::nullopt;
        if (own)
            pids += QString::number(*own);
        if (statements.size() < 2)
            statements.insert(QString::fromStdString(c->statement.str()));
        statement = c->statement;
    }
    QStringList words;
    words += place.suspected > 0
                 ? tr("%1 of %2 held from here are suspected, the oldest for %3.")
                       .arg(Formatter::count(place.suspected), Formatter::count(held),
                            Formatter::ageProse(place.holders.front().age))
                 : tr("%1 held from here, the oldest for %2.")
                       .arg(connections(held), Formatter::ageProse(place.holders.front().age));
    if (longRunning > 0)
        words += longRunning == 1
                     ? tr("1 is long-running: expected, alive or at work.")
                     : tr("%1 are long-running: expected, alive or at work.").arg(longRunning);
    if (place.growth_per_minute > 0)
        words += tr("%1 more become suspect a minute.").arg(place.growth_per_minute, 0, 'f', 1);
    if (const std::int64_t behind = waitingBehind(*store_, place); behind > 0)
        words += behind == 1 ? tr("1 session waits behind them.")
                             : tr("%1 sessions wait behind them.").arg(Formatter::count(behind));
    if (idle > 0)
        words += idle == 1 ? tr("1 runs no statement.")
                           : tr("%1 run no statement.").arg(Formatter::count(idle));
    if (place.full_in)
        words += *place.full_in == Duration{0}
                     ? tr("Nothing of the pool is free now.")
                     : tr("If that goes on, nothing of the pool is free in %1.")
                           .arg(Formatter::ageProse(*place.full_in));
    setTextOnce(evidence_, unbroken(words.join(QLatin1Char(' '))));
    stackHead_->setCaption(held == 1 ? QString() : tr("of all %1").arg(connections(held)));
    showStack(place.stack, place.severity);
    showCaption(at.target, transport);
    setField(acquiredBy, counted(who));
    QStringList lines;
    for (const auto& [tag, values] : tagged)
        lines += values.size() > 3
                     ? tr("%1: %2 different").arg(tag, Formatter::count(std::ssize(values)))
                     : tr("%1: %2").arg(tag, counted(values));
    setField(tags, lines.isEmpty() ? tr("none") : lines.join(QLatin1Char('\n')));
    for (const Field id : {thread, trace, wait, expected, beat, port, connection})
        setField(id, {});
    const Pool* const facts = store_->pool(target, place.pool);
    ServerSide side;
    side.title = tr("Server sessions");
    if (facts && !facts->database.empty())
        side.caption = Formatter::line(facts->database.str(), 100);
    side.told = pids.isEmpty()
                    ? Formatter::notReported()
                    : pids.join(QStringLiteral(", ")) +
                          (held > std::ssize(pids) && pids.size() == 40 ? QStringLiteral(", …")
                                                                        : QString());
    showServerSide(side);
    showStatement(statement, tr("of all of them"));
    statementHead_->setVisible(statements.size() == 1);
    statement_->setVisible(statements.size() == 1);
    pastHead_->hide();
    past_->hide();
}

/// Lines whose statements are never closed hold no connection: there is nobody to name, and no
/// session.
void HolderDetail::showStatements(const StatementsAt& at, const Transport& transport)
{
    const StatementLeak& leak = *at.leak;
    const QString pool =
        leak.pool.is_null() ? Formatter::notReported() : Formatter::line(leak.pool.str(), 100);
    head().setHolder(placeName(leak.stack.get()).lead, leak.severity,
                     tr("%1, statements").arg(pool),
                     Formatter::count(static_cast<std::int64_t>(leak.open)));
    setTextOnce(evidence_, joined(unbroken(inProse(at.evidence()))));
    stackHead_->setCaption(
        transport.mode == Mode::live
            ? Formatter::line(at.target->info.name, 60)
            : tr("as of %1").arg(Formatter(context_.utc()).instant(store_->now(), store_->now())));
    showStack(leak.stack, leak.severity);
    for (std::size_t id = 0; id < fields_.size(); ++id)
        setField(static_cast<Field>(id), {});
    showStatement(leak.statement, tr("the last of them"));
    statementHead_->show();
    statement_->show();
    showServerSide({});
    pastHead_->hide();
    past_->hide();
}

} // namespace poolscope
