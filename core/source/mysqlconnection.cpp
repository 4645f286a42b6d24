// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlconnection.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/source/connectlimit.h"

#include <mysql.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace poolscope {

namespace {

int severity_of(const PgTrouble& trouble)
{
    return trouble.kind == PgTrouble::Kind::transient ? (trouble.words.empty() ? 0 : 1) : 2;
}

/// What the server says while nothing is asked, before it hangs up: a packet with an error.
MySqlError told_at_the_end(int socket)
{
    std::array<unsigned char, 512> bytes{};
    const auto got = ::recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    MySqlError error;
    if (got < 7 || bytes[4] != 0xff)
        return error;
    error.number = bytes[5] | static_cast<unsigned int>(bytes[6]) << 8U;
    std::size_t at = 7;
    if (got > 13 && bytes[7] == '#')
        at = 13;
    error.words.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + got);
    return error;
}

} // namespace

MySqlConnection::MySqlConnection(QObject* parent)
    : QObject(parent)
{
    attemptLimit_.setSingleShot(true);
    connect(&lookup_, &HostLookup::done, this, &MySqlConnection::resolved);
    connect(&attemptLimit_, &QTimer::timeout, this, [this] {
        PgTrouble trouble;
        const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(
            attemptLimit_.intervalAsDuration());
        trouble.sentence =
            whom().where + " did not answer within " + format_duration_prose(limit) + ".";
        trouble.next_step = "Check the address and any firewall between; --ssh HOST goes through a "
                            "bastion. It is tried again.";
        attemptFailed(trouble);
    });
}

MySqlConnection::~MySqlConnection()
{
    close();
}

void MySqlConnection::open(Plan plan)
{
    close();
    plan_ = std::move(plan);
    endpoints_ = {plan_.endpoint};
    next_ = 0;
    plain_ = neverTls();
    worst_.reset();
    lookup_.start(endpoints_, limits_.lookup);
}

void MySqlConnection::close()
{
    lookup_.cancel();
    release();
}

void MySqlConnection::release()
{
    ++generation_; // a step queued for what was under way must not act on what comes next
    attemptLimit_.stop();
    unwatch();
    open_ = false;
    attempting_ = false;
    handler_ = nullptr;
    if (!mysql_)
        return;
    if (fiber_.running()) {
        // Whatever it waits for ends now, and with it the call.
        aborting_ = true;
        if (waitsFor_ >= 0)
            ::shutdown(waitsFor_, SHUT_RDWR);
        for (int i = 0; fiber_.running() && i < 1000; ++i)
            turn([this] { fiber_.resume(); });
        aborting_ = false;
    }
    turn([this] { mysql_close(std::exchange(mysql_, nullptr)); });
    waitsFor_ = -1;
}

void MySqlConnection::resolved(const std::vector<PgEndpoint>& endpoints, const QStringList& missing,
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

void MySqlConnection::attempt()
{
    release();
    if (next_ >= endpoints_.size()) {
        const PgTrouble trouble = worst_.value_or(PgTrouble{});
        emit failed(trouble);
        return;
    }
    if (!prepare()) {
        attemptFailed(mysql_connect_trouble({2008, "", "out of memory", 0}, whom()));
        return;
    }
    attempting_ = true;
    attemptLimit_.start(connect_limit(plan_.address.connectTimeout, limits_.connect));
    begin([this, endpoint = endpoints_.at(next_)] { connectNow(endpoint); });
}

void MySqlConnection::begin(std::function<void()> work)
{
    good_ = false;
    tooMuch_ = false;
    error_ = {};
    connectError_ = 0;
    greeted_ = false;
    stripped_ = false;
    waitsFor_ = -1;
    unwatch();
    turn([&] { fiber_.start(std::move(work)); });
    ended();
}

void MySqlConnection::goOn()
{
    unwatch();
    turn([this] { fiber_.resume(); });
    ended();
}

void MySqlConnection::ended()
{
    if (fiber_.running()) {
        watch(waitsFor_, waitsToRead_);
        return;
    }
    // Not from within whoever asked.
    QMetaObject::invokeMethod(
        this,
        [this, before = generation_] {
            if (before != generation_)
                return;
            if (attempting_)
                connected();
            else if (handler_)
                answered();
        },
        Qt::QueuedConnection);
}

void MySqlConnection::connected()
{
    if (good_ && tlsDemanded() && !usesTls()) {
        good_ = false;
        error_ = {2026, "", "the server does not support TLS", 0};
    }
    // Who went away may be back in a moment, and offered TLS: nothing goes there in the clear.
    if (!good_ && error_.number == 2026 && !mysql_was_cut(error_) && tlsWanted() &&
        !tlsDemanded()) {
        plain_ = true; // the same address again
        attempt();
        return;
    }
    if (!good_) {
        const bool stripped = error_.number == mysql_login_not_allowed && plain_ && !neverTls();
        attemptFailed(stripped ? mysql_stripped_trouble(whom())
                               : mysql_connect_trouble(error_, whom()));
        return;
    }
    attemptLimit_.stop();
    attempting_ = false;
    open_ = true;
    // The library leaves a blocking socket behind, and under TLS reads from it without a question.
    makeNonBlocking(static_cast<int>(mysql_get_socket(mysql_)));
    watch(static_cast<int>(mysql_get_socket(mysql_)), true);
    emit opened();
}

void MySqlConnection::attemptFailed(const PgTrouble& trouble)
{
    // What a server said tells more than that another one could not be reached.
    if (!worst_ || severity_of(trouble) > severity_of(*worst_))
        worst_ = trouble;
    if (trouble.kind == PgTrouble::Kind::transient)
        ++next_;
    else
        next_ = endpoints_.size();
    plain_ = neverTls(); // what one address could not do says nothing of the next
    attempt();
}

void MySqlConnection::run(const std::string& sql, Handler handler)
{
    handler_ = std::move(handler);
    reply_ = {};
    reply_.sent = SystemClock{}.now();
    makeNonBlocking(static_cast<int>(mysql_get_socket(mysql_)));
    begin([this, sql] { askNow(sql); });
}

void MySqlConnection::answered()
{
    reply_.received = SystemClock{}.now();
    if (tooMuch_) {
        PgTrouble trouble;
        trouble.sentence = whom().where + " answers with more than Poolscope can take.";
        trouble.next_step = "It lists more sessions, or longer statements, than a poll may bring. "
                            "It is tried again.";
        drop(trouble);
        return;
    }
    if (!good_) {
        const bool ours = error_.number >= 2000 && error_.number < 3000;
        if (ours || error_.number == 1053 || error_.number == 1927 || error_.number == 4031) {
            drop(mysql_loss_trouble(error_, whom()));
            return;
        }
        reply_.error = error_.number;
        reply_.trouble = mysql_server_trouble(error_, whom());
        reply_.rows = {};
    }
    watch(static_cast<int>(mysql_get_socket(mysql_)), true);
    const Handler handler = std::exchange(handler_, nullptr);
    const MySqlReply reply = std::exchange(reply_, {});
    handler(reply);
}

void MySqlConnection::watch(int socket, bool read)
{
    if (socket < 0)
        return;
    notifier_ = std::make_unique<QSocketNotifier>(socket, read ? QSocketNotifier::Read
                                                               : QSocketNotifier::Write);
    connect(notifier_.get(), &QSocketNotifier::activated, this, [this] {
        if (fiber_.running())
            goOn();
        else
            idleReadable();
    });
}

void MySqlConnection::unwatch()
{
    // It may be on the stack: switched off now, deleted from the event loop.
    if (!notifier_)
        return;
    notifier_->setEnabled(false);
    notifier_->disconnect(this);
    notifier_.release()->deleteLater();
}

void MySqlConnection::idleReadable()
{
    unwatch();
    const int socket = static_cast<int>(mysql_get_socket(mysql_));
    char byte = 0;
    const auto got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // Under TLS it may be the session's own business; the next statement reads it.
    if (got > 0 && usesTls())
        return;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        watch(socket, true);
        return;
    }
    drop(mysql_loss_trouble(got > 0 ? told_at_the_end(socket) : MySqlError{}, whom()));
}

void MySqlConnection::drop(const PgTrouble& trouble)
{
    // What it refers to may go with the release. NOLINTNEXTLINE(performance-unnecessary-copy-*)
    const PgTrouble told = trouble;
    release();
    emit lost(told);
}

MySqlError MySqlConnection::error() const
{
    return {mysql_errno(mysql_), mysql_sqlstate(mysql_), mysql_error(mysql_), 0};
}

bool MySqlConnection::usesTls() const
{
    return mysql_ && mysql_get_ssl_cipher(mysql_) != nullptr;
}

int MySqlConnection::serverVersion() const
{
    return mysql_ && open_ ? static_cast<int>(mysql_get_server_version(mysql_)) : 0;
}

bool MySqlConnection::isMariaDb() const
{
    return mysql_ && open_ && mariadb_connection(mysql_) != 0;
}

std::string MySqlConnection::serverWords() const
{
    return mysql_ && open_ ? plain_line(mysql_get_server_info(mysql_), 256) : std::string{};
}

PgWhom MySqlConnection::whom() const
{
    PgWhom whom;
    whom.where = plain_line(plan_.address.label().toStdString(), 256);
    whom.user = plain_line(plan_.address.user.toStdString(), 256);
    whom.database = plain_line(plan_.address.database.toStdString(), 256);
    whom.password_given =
        !plan_.password.isEmpty() || (plan_.password.isNull() && !plan_.address.password.isEmpty());
    return whom;
}

} // namespace poolscope
