// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"
#include "ui/models/treemodel.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <vector>

namespace poolscope {

/// Columns of the leaks table.
enum class LeakColumn : int {
    origin,
    pool,
    held,
    oldest,
    perMinute,
    fullIn,
    severity,
    blocks,
    xminAge,
    state
};
inline constexpr int leakColumnCount = 10;
enum class LeakGrouping {
    place, ///< checkouts under the line that acquired them, sessions under their application
    pool,  ///< checkouts under their pool, sessions under their application
    none,  ///< one by one
    heads, ///< lines without their checkouts, and only suspected ones; sessions one by one
};
struct LeakCounts
{
    int holders = 0;   ///< open checkouts of instrumented processes, suspected or not
    int suspected = 0; ///< checkouts, sessions, and places of statements
    int shown = 0;     ///< the same, suspected or not, that match the filter
};
/// All checkouts of instrumented processes, whatever their age, the suspected sessions of servers,
/// and the lines whose prepared statements are never closed; worst first. `filter` narrows to those
/// whose pid, names, tags, client, statement or stack contain it.
std::unique_ptr<TreeModel> makeLeakModel(QObject* parent);
TreeNodes leakRows(const SessionStore& store, const QString& filter, LeakGrouping grouping,
                   LeakCounts* counts = nullptr);
/// A place in the latest update; both null once nothing is held there.
struct PlaceAt
{
    const TargetSummary* target = nullptr;
    const Place* place = nullptr;
    explicit operator bool() const { return place != nullptr; }
};
/// By the id of its row, see placeId().
PlaceAt placeAt(const SessionStore& store, const QString& id);
PlaceAt placeAt(const SessionStore& store, const Checkout& checkout);
/// Statements that are never closed, in the latest update; both null once they are no more.
struct StatementsAt
{
    const TargetSummary* target = nullptr;
    const StatementLeak* leak = nullptr;
    explicit operator bool() const { return leak != nullptr; }
    /// Why, in words.
    const std::vector<std::string>& evidence() const;
};
/// By the id of its row, see statementsId().
StatementsAt statementsAt(const SessionStore& store, const QString& id);
/// How that checkout is judged; null where the place does not hold it.
const Holder* holderOf(const Place& place, const CheckoutKey& checkout);
/// Checkouts, sessions and places of statements that are suspected: as many as there are leaks in
/// the JSON of the same instant.
int suspectedCount(const TargetSummary& target);
int suspectedCount(const std::vector<TargetSummary>& targets);
/// How many leaks these are: one that an application, its pooler and the server each tell of counts
/// once. Where they are too many to be joined, each counts for itself.
int leakCount(const SessionStore& store);

/// Cuts a list to so many lines, one of them for "10 more in Leaks": gives that number, or 0 where
/// all of them fit.
int keepFirst(TreeNodes& rows, int lines);

enum class BlockingColumn : int { session, state, age, waitsOn, blocks, line, statement };
/// Who blocks whom, and from which line of code; worst first.
std::unique_ptr<TreeModel> makeBlockingModel(QObject* parent);
TreeNodes blockingRows(const SessionStore& store, bool joined = true);

enum class ActionColumn : int { time, verb, session, subject, phase, outcome };
/// What was asked of servers, latest first, and notes among them.
std::unique_ptr<TreeModel> makeActionModel(QObject* parent);
TreeNodes actionRows(const Update& update, const SessionStore& store, const Formatter& format);

enum class ServerColumn : int { server, used, idleInTransaction, waiting, suspects };
/// Servers, the one nearest to its limit first.
std::unique_ptr<TreeModel> makeServerModel(QObject* parent);
TreeNodes serverRows(const SessionStore& store);

/// Client sessions of one target.
std::int64_t usedSlots(const TargetSummary& target);
/// 0 to 1 of what ordinary roles may use; nullopt where the limit is not reported.
std::optional<double> usedShare(const TargetSummary& target);

/// It lets nobody in for want of a free slot, Poolscope neither.
bool refusesAsFull(const TargetSummary& target);
/// The address of the same server with its administrator's usual name, to be offered and changed;
/// one that is no URL as it is.
QString administratorsUrl(const TargetInfo& target);

/// A sentence, and where to see that it is so.
struct AnswerEvidence
{
    QString words;
    QString page;
    std::optional<SessionKey> session; ///< to be selected there; or the checkout; or neither
    std::optional<CheckoutKey> checkout;
    Timestamp at; ///< capture's clock
};

/// Another diagnosis than the worst, in a line, and what would help there.
struct AnswerOther
{
    QString words;
    std::optional<SessionKey> session{}; ///< whom ending would relieve
    ActionVerb verb = ActionVerb::terminate;
    QString obstacle{}; ///< why it cannot be ended, as the page knows it
    friend bool operator==(const AnswerOther&, const AnswerOther&) = default;
};

/// What can truthfully be said of everything attached.
struct Answer
{
    enum class Kind { waiting, healthy, server, leak, blocking, failing, diagnosis };
    Kind kind = Kind::waiting;
    int severity = 0;                        ///< of LeakSeverity
    QString sentence;                        ///< the answer
    QString explanation;                     ///< one or two sentences below it
    std::optional<SessionKey> session;       ///< whom ending would relieve
    ActionVerb verb = ActionVerb::terminate; ///< and how: its statement alone, or all of it
    std::vector<CheckoutKey> reclaim;        ///< which to take back, where their process allows it
    QString relief;                          ///< what that frees
    QString attachTo;    ///< an address to be offered where another user gets in; empty: none
    QString attachWords; ///< what its button says
    std::optional<TargetId> target;
    // Of a diagnosis:
    bool decided = true; ///< false: it only names candidates
    QString confidence;  ///< a word
    QString prevention;  ///< empty where there is none to name
    std::vector<AnswerEvidence> evidence;
    std::vector<AnswerOther> others; ///< other diagnoses
};
Answer overviewAnswer(const SessionStore& store);
Answer leaksAnswer(const SessionStore& store);
Answer blockingAnswer(const SessionStore& store, const Formatter& format);

} // namespace poolscope
