// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgconnection.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/source/connectlimit.h"

#include <libpq-fe.h>

#include <algorithm>

namespace poolscope {

namespace {

/// Ours come last, so that they win over the user's own. That we only read is set with the first
/// statement: here it would make every server look like a standby to target_session_attrs. So is
/// idle_in_transaction_session_timeout: here it would hide what others get.
constexpr const char* sessionOptions =
    "-c statement_timeout=5000 -c lock_timeout=1000 -c search_path=pg_catalog";

std::string field(const PGresult* result, int code)
{
    const char* const text = PQresultErrorField(result, code);
    return text ? text : "";
}

int severity(const PgTrouble& trouble)
{
    return trouble.kind == PgTrouble::Kind::transient ? (trouble.sqlstate.empty() ? 0 : 1) : 2;
}

} // namespace

PgConnection::PgConnection(QObject* parent)
    : QObject(parent)
    , result_(nullptr, PQclear)
{
    attemptLimit_.setSingleShot(true);
    connect(&lookup_, &HostLookup::done, this, &PgConnection::resolved);
    connect(&attemptLimit_, &QTimer::timeout, this, [this] {
        PgTrouble trouble;
        const auto seconds = std::chrono::duration_cast<std::chrono::microseconds>(
            attemptLimit_.intervalAsDuration());
        trouble.sentence =
            whom().where + " did not answer within " + format_duration_prose(seconds) + ".";
        trouble.next_step = "Check the address and any firewall between; --ssh HOST goes through a "
                            "bastion. It is tried again.";
        attemptFailed(trouble);
    });
}

PgConnection::~PgConnection()
{
    close();
}

void PgConnection::open(Plan plan)
{
    close();
    plan_ = std::move(plan);
    endpoints_ = plan_.endpoints;
    next_ = 0;
    secondPass_ = false;
    worst_.reset();
    lookup_.start(plan_.endpoints, limits_.lookup);
}

void PgConnection::close()
{
    ++generation_;
    lookup_.cancel();
    release();
}

void PgConnection::release()
{
    attemptLimit_.stop();
    unwatch();
    open_ = false;
    handler_ = nullptr;
    preparing_.clear();
    prepared_.clear();
    values_.clear();
    result_.reset();
    fatal_.reset();
    if (conn_)
        PQfinish(std::exchange(conn_, nullptr));
}

void PgConnection::resolved(const std::vector<PgEndpoint>& endpoints, const QStringList& missing,
                            bool late)
{
    if (!missing.isEmpty()) {
        PgTrouble trouble;
        const std::string name = plain_line(missing.first().toStdString(), 256);
        trouble.sentence = late ? "The name server gave no address for \"" + name + "\" in time."
                                : "There is no host named \"" + name + "\".";
        trouble.next_step = "Check the spelling, and the network or VPN that knows this name.";
        worst_ = trouble;
    }
    endpoints_ = endpoints;
    next_ = 0;
    attempt();
}

void PgConnection::attempt()
{
    release();
    const QString wanted = valueOf(plan_.effective, "target_session_attrs");
    const bool prefersStandby = wanted == QLatin1String("prefer-standby");
    if (next_ >= endpoints_.size() && prefersStandby && !secondPass_ && !endpoints_.empty()) {
        secondPass_ = true;
        next_ = 0;
    }
    if (next_ >= endpoints_.size()) {
        const PgTrouble trouble = worst_.value_or(PgTrouble{});
        emit failed(trouble);
        return;
    }
    const PgEndpoint& endpoint = endpoints_.at(next_);
    PgParams params = plan_.given;
    const auto set = [&](const char* key, const QString& value) {
        params[QString::fromLatin1(key)] = value;
    };
    set("host", endpoint.host);
    set("hostaddr", endpoint.address);
    set("port", endpoint.port);
    set("application_name", QStringLiteral("poolscope"));
    set("client_encoding", QStringLiteral("UTF8"));
    if (plan_.dialect == Dialect::server)
        set("options",
            (valueOf(plan_.effective, "options") + QLatin1Char(' ') + QLatin1String(sessionOptions))
                .trimmed());
    if (prefersStandby)
        set("target_session_attrs",
            secondPass_ ? QStringLiteral("any") : QStringLiteral("standby"));
    const QString& password = plan_.password.isEmpty() ? endpoint.password : plan_.password;
    if (!password.isEmpty())
        set("password", password);

    std::vector<QByteArray> texts;
    for (const auto& [key, value] : params) {
        texts.push_back(key.toUtf8());
        texts.push_back(value.toUtf8());
    }
    std::vector<const char*> keys, values;
    for (std::size_t i = 0; i < texts.size(); i += 2) {
        keys.push_back(texts[i].constData());
        values.push_back(texts[i + 1].constData());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    conn_ = PQconnectStartParams(keys.data(), values.data(), 0);
    if (!conn_ || PQstatus(conn_) == CONNECTION_BAD) {
        attemptFailed(
            connect_trouble(conn_ ? PQerrorMessage(conn_) : "out of memory", whom(), false));
        return;
    }
    // Verbose messages carry the SQLSTATE, which nothing else gives for a failed login.
    PQsetErrorVerbosity(conn_, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(
        conn_,
        [](void* self, const PGresult* notice) {
            auto* const c = static_cast<PgConnection*>(self);
            const std::string state = field(notice, PG_DIAG_SQLSTATE);
            if (c->open_ && state.starts_with("57P"))
                c->fatal_ =
                    server_trouble(state, field(notice, PG_DIAG_MESSAGE_PRIMARY), c->whom());
        },
        this);
    attemptLimit_.start(connect_limit(connectTimeout(plan_.effective), limits_.connect));
    watch(false, true);
}

void PgConnection::poll()
{
    unwatch(); // the socket may be another one after the call
    const PostgresPollingStatusType status = PQconnectPoll(conn_);
    switch (status) {
    case PGRES_POLLING_READING:
        watch(true, false);
        return;
    case PGRES_POLLING_WRITING:
        watch(false, true);
        return;
    case PGRES_POLLING_OK:
        attemptLimit_.stop();
        PQsetnonblocking(conn_, 1);
        open_ = true;
        watch(true, false);
        emit opened();
        return;
    default:
        attemptFailed(
            connect_trouble(PQerrorMessage(conn_), whom(), PQconnectionNeedsPassword(conn_) == 1));
    }
}

void PgConnection::attemptFailed(const PgTrouble& trouble)
{
    // What a server said tells more than that another one could not be reached.
    if (!worst_ || severity(trouble) > severity(*worst_))
        worst_ = trouble;
    if (trouble.kind == PgTrouble::Kind::transient)
        ++next_;
    else
        next_ = endpoints_.size(), secondPass_ = true;
    // Not from within libpq's own call or a constructor's.
    release();
    QMetaObject::invokeMethod(
        this,
        [this, before = generation_] {
            if (before == generation_)
                attempt();
        },
        Qt::QueuedConnection);
}

void PgConnection::watch(bool read, bool write)
{
    const int socket = PQsocket(conn_);
    if (socket < 0)
        return;
    const auto make = [&](QSocketNotifier::Type type) {
        auto notifier = std::make_unique<QSocketNotifier>(socket, type);
        connect(notifier.get(), &QSocketNotifier::activated, this, [this, type] {
            if (!open_)
                poll();
            else if (type == QSocketNotifier::Write)
                flush();
            else
                readable();
        });
        return notifier;
    };
    if (read && !reads_)
        reads_ = make(QSocketNotifier::Read);
    if (write && !writes_)
        writes_ = make(QSocketNotifier::Write);
}

void PgConnection::unwatch()
{
    // They may be on the stack: switched off now, deleted from the event loop.
    for (auto* notifier : {&reads_, &writes_}) {
        if (*notifier) {
            (*notifier)->setEnabled(false);
            (*notifier)->disconnect(this);
            notifier->release()->deleteLater();
        }
    }
}

bool PgConnection::execute(const char* name, const std::vector<PgValue>& values)
{
    std::vector<const char*> texts;
    texts.reserve(values.size());
    for (const PgValue& value : values)
        texts.push_back(value ? value->c_str() : nullptr);
    return PQsendQueryPrepared(conn_, name, static_cast<int>(texts.size()), texts.data(), nullptr,
                               nullptr, 1) == 1;
}

void PgConnection::run(const PgStatement& statement, const std::vector<PgValue>& values,
                       Handler handler)
{
    handler_ = std::move(handler);
    reply_ = {};
    reply_.sent = SystemClock{}.now();
    bool sent = false;
    if (*statement.name == '\0') {
        sent = PQsendQuery(conn_, statement.sql.c_str()) == 1;
    } else if (prepared_.contains(statement.name)) {
        sent = execute(statement.name, values);
    } else {
        preparing_ = statement.name;
        values_ = values;
        sent = PQsendPrepare(conn_, statement.name, statement.sql.c_str(), 0, nullptr) == 1;
    }
    if (sent)
        flush();
    else
        drop(lossTrouble());
}

void PgConnection::flush()
{
    const int left = PQflush(conn_);
    if (left < 0) {
        drop(lossTrouble());
    } else if (left == 0 && writes_) {
        writes_->setEnabled(false);
        writes_->disconnect(this);
        writes_.release()->deleteLater();
    } else if (left > 0) {
        watch(false, true);
    }
}

void PgConnection::readable()
{
    const bool alive = PQconsumeInput(conn_) == 1;
    // Has libpq read what came while nothing was asked: a FATAL says why the server hangs up.
    const bool complete = PQisBusy(conn_) == 0;
    if (!alive) {
        if (handler_ && !result_ && complete)
            result_.reset(PQgetResult(conn_));
        drop(lossTrouble());
        return;
    }
    if (writes_)
        flush();
    while (conn_) { // nobody asked for them, and libpq keeps them all
        PGnotify* const notice = PQnotifies(conn_);
        if (!notice)
            break;
        PQfreemem(notice);
    }
    while (conn_ && handler_ && PQisBusy(conn_) == 0) {
        PGresult* const result = PQgetResult(conn_);
        if (!result) {
            finishReply();
            return;
        }
        // Nobody asked for COPY, and libpq would answer with the same again and again.
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            PQclear(result);
            drop(lossTrouble());
            return;
        }
        // The first one says it all; what follows belongs to the same failure.
        if (!result_ || PQresultStatus(result_.get()) == PGRES_TUPLES_OK)
            result_.reset(result);
        else
            PQclear(result);
    }
    if (conn_ && PQstatus(conn_) == CONNECTION_BAD)
        drop(lossTrouble());
}

void PgConnection::finishReply()
{
    const auto result = std::exchange(result_, {nullptr, PQclear});
    const ExecStatusType status = PQresultStatus(result.get());
    if (!preparing_.empty() && status == PGRES_COMMAND_OK) {
        const std::string name = std::exchange(preparing_, {});
        prepared_.insert(name);
        reply_.sent = SystemClock{}.now();
        if (execute(name.c_str(), std::exchange(values_, {})))
            flush();
        else
            drop(lossTrouble());
        return;
    }
    if (PQstatus(conn_) == CONNECTION_BAD) {
        if (status == PGRES_FATAL_ERROR && !fatal_)
            fatal_ = server_trouble(field(result.get(), PG_DIAG_SQLSTATE),
                                    field(result.get(), PG_DIAG_MESSAGE_PRIMARY), whom());
        drop(lossTrouble());
        return;
    }
    preparing_.clear();
    PgReply reply = reply_;
    reply.received = SystemClock{}.now();
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        reply.rows = result.get();
    } else {
        reply.trouble = server_trouble(field(result.get(), PG_DIAG_SQLSTATE),
                                       field(result.get(), PG_DIAG_MESSAGE_PRIMARY), whom());
        const std::string detail = field(result.get(), PG_DIAG_MESSAGE_DETAIL);
        reply.trouble->words = plain_line(field(result.get(), PG_DIAG_MESSAGE_PRIMARY) +
                                              (detail.empty() ? "" : ". " + detail),
                                          1000);
        // libpq's own refusals have no SQLSTATE: the connection is of no use any more. PgBouncer's
        // console calls every refusal a violation of the protocol.
        const bool violated = reply.trouble->sqlstate.starts_with("08");
        if (reply.trouble->sqlstate.empty() || (violated && plan_.dialect == Dialect::server)) {
            drop(*reply.trouble);
            return;
        }
    }
    const Handler handler = std::exchange(handler_, nullptr);
    handler(reply);
}

PgTrouble PgConnection::lossTrouble() const
{
    if (fatal_ && !fatal_->sqlstate.empty())
        return *fatal_;
    // It may have come in place of an answer.
    const std::string state = result_ ? field(result_.get(), PG_DIAG_SQLSTATE) : std::string{};
    if (state.starts_with("57P"))
        return server_trouble(state, field(result_.get(), PG_DIAG_MESSAGE_PRIMARY), whom());
    PgTrouble trouble;
    trouble.sentence = "The connection to " + whom().where + " was cut.";
    trouble.next_step =
        "The server crashed or restarted, or the network failed. It is tried again.";
    return trouble;
}

void PgConnection::drop(const PgTrouble& trouble)
{
    // What it refers to may go with the release. NOLINTNEXTLINE(performance-unnecessary-copy-*)
    const PgTrouble told = trouble;
    release();
    emit lost(told);
}

bool PgConnection::usesTls() const
{
    return conn_ && PQsslInUse(conn_);
}

int PgConnection::backendPid() const
{
    return conn_ ? PQbackendPID(conn_) : 0;
}

int PgConnection::serverVersion() const
{
    return conn_ ? PQserverVersion(conn_) : 0;
}

std::string PgConnection::parameter(const char* name) const
{
    const char* const value = conn_ ? PQparameterStatus(conn_, name) : nullptr;
    return value ? value : "";
}

PgWhom PgConnection::whom() const
{
    PgWhom whom;
    const std::size_t at = std::min(next_, endpoints_.empty() ? 0 : endpoints_.size() - 1);
    whom.where = endpoints_.empty() ? "the server"
                                    : plain_line(endpoints_.at(at).label().toStdString(), 256);
    whom.tunnel = !endpoints_.empty() && !endpoints_.at(at).beyond.isEmpty();
    whom.user = plain_line(valueOf(plan_.effective, "user").toStdString(), 256);
    whom.database = plain_line(valueOf(plan_.effective, "dbname").toStdString(), 256);
    whom.password_given =
        !plan_.password.isEmpty() || (!endpoints_.empty() && !endpoints_.at(at).password.isEmpty());
    whom.console = plan_.dialect == Dialect::console;
    whom.pooler_url = plain_line(poolerUrl(plan_.effective).toStdString(), 512);
    return whom;
}

} // namespace poolscope
