// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/hostlookup.h"
#include "core/source/pgconninfo.h"
#include "core/source/pgtrouble.h"

#include <QObject>
#include <QSocketNotifier>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace poolscope {

/// A statement that is prepared at its first use on a connection; with an empty name it is sent as
/// text by the simple protocol, without values, and its rows come as text.
struct PgStatement
{
    const char* name;
    std::string sql;
};
/// A parameter in text form; nullopt is NULL.
using PgValue = std::optional<std::string>;

/// What came back for one statement.
struct PgReply
{
    /// Binary, or text where it was asked by the simple protocol; null where `trouble` is set.
    const pg_result* rows = nullptr;
    std::optional<PgTrouble> trouble;
    Timestamp sent;     ///< our clock
    Timestamp received; ///< our clock
};

/// One libpq connection that never blocks its thread: connects (hosts and addresses in turn, each
/// with a limit), runs one statement at a time, tells when it was lost.
class PgConnection : public QObject
{
    Q_OBJECT
public:
    struct Limits
    {
        std::chrono::milliseconds lookup{5000};
        std::chrono::milliseconds connect{10000}; ///< each address, without connect_timeout
    };
    /// What answers there.
    enum class Dialect {
        server,
        console, ///< PgBouncer's: takes no options, speaks the simple protocol alone
    };
    struct Plan
    {
        PgParams given;     ///< what the user said; libpq fills in the rest
        PgParams effective; ///< with everything filled in
        std::vector<PgEndpoint> endpoints;
        QString password; ///< empty: libpq's own ways
        Dialect dialect = Dialect::server;
    };
    using Handler = std::function<void(const PgReply&)>;

    explicit PgConnection(QObject* parent = nullptr);
    ~PgConnection() override;

    void setLimits(const Limits& limits) { limits_ = limits; }
    /// Ends with opened() or failed().
    void open(Plan plan);
    /// Silent: neither lost() nor a handler is called.
    void close();

    bool isOpen() const { return open_; }
    bool isBusy() const { return handler_ != nullptr; }
    bool usesTls() const;
    /// As the startup said; a pooler makes this up.
    int backendPid() const;
    int serverVersion() const;
    std::string parameter(const char* name) const;
    PgWhom whom() const;

    /// Only while open and not busy. `handler` is called once, unless the connection is lost first.
    void run(const PgStatement& statement, const std::vector<PgValue>& values, Handler handler);

signals:
    void opened();
    void failed(const poolscope::PgTrouble& trouble);
    void lost(const poolscope::PgTrouble& trouble);

private:
    void resolved(const std::vector<PgEndpoint>& endpoints, const QStringList& missing, bool late);
    void attempt();
    void poll();
    void attemptFailed(const PgTrouble& trouble);
    void watch(bool read, bool write);
    void unwatch();
    void readable();
    void flush();
    void finishReply();
    void drop(const PgTrouble& trouble);
    void release();
    bool execute(const char* name, const std::vector<PgValue>& values);
    PgTrouble lossTrouble() const;

    Limits limits_;
    Plan plan_;
    HostLookup lookup_;
    QTimer attemptLimit_;
    std::vector<PgEndpoint> endpoints_;
    std::size_t next_ = 0;
    int generation_ = 0;      ///< of open() and close(): tells a queued step that it is out of date
    bool secondPass_ = false; ///< of target_session_attrs=prefer-standby
    std::optional<PgTrouble> worst_;

    pg_conn* conn_ = nullptr;
    bool open_ = false;
    std::unique_ptr<QSocketNotifier> reads_;
    std::unique_ptr<QSocketNotifier> writes_;
    std::set<std::string> prepared_;
    std::optional<PgTrouble> fatal_; ///< a FATAL that came while nothing was asked

    Handler handler_;
    PgReply reply_;
    std::string preparing_; ///< the statement whose PREPARE is under way
    std::vector<PgValue> values_;
    std::unique_ptr<pg_result, void (*)(pg_result*)> result_;
};

} // namespace poolscope
