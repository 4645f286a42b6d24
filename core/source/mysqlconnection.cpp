// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlconnection.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <QFile>

#include <fcntl.h>
#include <mysql.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace poolscope {

namespace {

constexpr std::size_t most_rows = 200000;
constexpr std::size_t most_bytes = std::size_t{64} * 1024 * 1024;
/// Counted for each value, empty or not.
constexpr std::size_t value_bytes = 16;
constexpr std::size_t most_packet = std::size_t{16} * 1024 * 1024;
constexpr unsigned int most_columns = 64;
constexpr int most_results = 16;
/// Read in one go; then the event loop has its turn.
constexpr std::size_t bytes_a_go = std::size_t{1024} * 1024;
/// The library waits for nothing without a limit of its own; ours are shorter.
constexpr unsigned int endless_seconds = 86400;
/// None of them shows the password to whoever listens, asks on the terminal or waits for a third
/// one.
constexpr const char* safe_logins =
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password";
/// With the one that sends the password as it is: through a local socket, or to who has proven who
/// it is.
constexpr const char* trusting_logins =
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password,"
    "mysql_clear_password";

// Whose call runs on this thread.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local MySqlConnection* calling = nullptr;

int severity_of(const PgTrouble& trouble)
{
    return trouble.kind == PgTrouble::Kind::transient ? (trouble.words.empty() ? 0 : 1) : 2;
}

void make_non_blocking(int socket)
{
    const int flags = ::fcntl(socket, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    // The library makes the socket a blocking one again once it is connected. Should it then go
    // straight into the TLS handshake, each read there comes back after a moment.
    const timeval moment{0, 1000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
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
        const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(limits_.connect);
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
    plain_ = plan_.endpoint.isLocalSocket() || plan_.address.tls == MySqlTls::disabled;
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
        for (int i = 0; fiber_.running() && i < 1000; ++i) {
            MySqlConnection* const before = std::exchange(calling, this);
            fiber_.resume();
            calling = before;
        }
        aborting_ = false;
    }
    mysql_close(std::exchange(mysql_, nullptr));
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

bool MySqlConnection::tlsWanted() const
{
    return !plain_;
}

bool MySqlConnection::prepare()
{
    mysql_ = mysql_init(nullptr);
    if (!mysql_)
        return false;
    const auto text = [this](mysql_option option, const QString& value) {
        if (!value.isEmpty())
            mysql_optionsv(mysql_, option, QFile::encodeName(value).constData());
    };
    const bool local = endpoints_.at(next_).isLocalSocket();
    const unsigned int protocol = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    // For a socket the library sleeps between tries while the server's queue is full: not for long.
    const unsigned int connecting = local ? 1 : endless_seconds;
    const unsigned int no_files = 0;
    const my_bool yes = 1, no = 0;
    mysql_optionsv(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &connecting);
    mysql_optionsv(mysql_, MYSQL_OPT_READ_TIMEOUT, &endless_seconds);
    mysql_optionsv(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &endless_seconds);
    mysql_optionsv(mysql_, MYSQL_OPT_LOCAL_INFILE, &no_files); // a server may ask for any file
    mysql_optionsv(mysql_, MYSQL_OPT_MAX_ALLOWED_PACKET, &most_packet);
    mysql_optionsv(mysql_, MYSQL_OPT_RECONNECT, &no);
    mysql_optionsv(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(mysql_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "poolscope");
    mysql_optionsv(mysql_, MARIADB_OPT_IO_WAIT, reinterpret_cast<void*>(&waitHook));
    text(MYSQL_PLUGIN_DIR, plan_.address.pluginDir);
    verifiedName_.clear();
    const MySqlTls tls = plan_.address.tls.value_or(MySqlTls::preferred);
    const bool proven = tlsWanted() && tls == MySqlTls::verify_identity;
    mysql_optionsv(mysql_, MARIADB_OPT_RESTRICTED_AUTH,
                   local || proven ? trusting_logins : safe_logins);
    if (!tlsWanted())
        return true;
    mysql_optionsv(mysql_, MYSQL_OPT_SSL_ENFORCE, &yes);
    text(MYSQL_OPT_SSL_KEY, plan_.address.key);
    text(MYSQL_OPT_SSL_CERT, plan_.address.certificate);
    if (tls == MySqlTls::verify_ca || tls == MySqlTls::verify_identity) {
        text(MYSQL_OPT_SSL_CA, plan_.address.ca);
        text(MYSQL_OPT_SSL_CAPATH, plan_.address.caPath);
    }
    if (proven) {
        mysql_optionsv(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
        verifiedName_ = plan_.address.host.toStdString();
    }
    return true;
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
    attemptLimit_.start(limits_.connect);
    begin([this, endpoint = endpoints_.at(next_)] { connectNow(endpoint); });
}

// What runs on the fiber

void MySqlConnection::connectNow(const PgEndpoint& endpoint)
{
    const MySqlAddress& address = plan_.address;
    const QByteArray user = address.user.toUtf8(), database = address.database.toUtf8();
    const QByteArray password =
        (plan_.password.isNull() ? address.password : plan_.password).toUtf8();
    const std::string host = endpoint.address.toStdString();
    host_.assign(std::max(host.size(), verifiedName_.size()) + 1, '\0');
    std::copy(host.begin(), host.end(), host_.begin());
    const QByteArray socket = QFile::encodeName(endpoint.host);
    const bool local = endpoint.isLocalSocket();
    errno = 0;
    good_ = mysql_real_connect(
                mysql_, local ? nullptr : host_.data(), user.constData(), password.constData(),
                database.isEmpty() ? nullptr : database.constData(),
                local ? 0 : endpoint.port.toUInt(), local ? socket.constData() : nullptr,
                CLIENT_REMEMBER_OPTIONS | CLIENT_MULTI_RESULTS) != nullptr;
    const int system = connectError_ != 0 ? connectError_ : errno;
    if (!good_) {
        error_ = error();
        error_.system = system;
    }
}

/// The answer is too much. What is left of it is not read.
void MySqlConnection::giveUp()
{
    tooMuch_ = true;
    good_ = false;
    ::shutdown(static_cast<int>(mysql_get_socket(mysql_)), SHUT_RDWR);
}

void MySqlConnection::takeRows()
{
    MYSQL_RES* const result = mysql_use_result(mysql_);
    if (!result)
        return;
    const unsigned int width = mysql_num_fields(result);
    if (width > most_columns) {
        giveUp();
        mysql_free_result(result);
        return;
    }
    const MYSQL_FIELD* const fields = mysql_fetch_fields(result);
    MySqlRows& rows = reply_.rows;
    rows = {};
    for (unsigned int i = 0; i < width; ++i)
        rows.columns.emplace_back(fields[i].name, fields[i].name_length);
    std::size_t bytes = 0, rested = 0;
    while (const MYSQL_ROW row = mysql_fetch_row(result)) {
        const unsigned long* const lengths = mysql_fetch_lengths(result);
        MySqlRows::Row values(width);
        for (unsigned int i = 0; i < width; ++i) {
            if (row[i]) {
                values[i].emplace(row[i], lengths[i]);
                bytes += lengths[i];
            }
            bytes += value_bytes;
        }
        rows.rows.push_back(std::move(values));
        if (rows.rows.size() > most_rows || bytes > most_bytes) {
            giveUp();
            break;
        }
        if (bytes - rested > bytes_a_go) {
            rested = bytes;
            // One can nearly always write there: it comes back at once.
            await(static_cast<int>(mysql_get_socket(mysql_)), false);
        }
    }
    good_ = !tooMuch_ && mysql_errno(mysql_) == 0;
    error_ = error();
    mysql_free_result(result);
}

void MySqlConnection::askNow(const std::string& sql)
{
    good_ = mysql_real_query(mysql_, sql.data(), sql.size()) == 0;
    error_ = error();
    if (!good_)
        return;
    takeRows();
    // A procedure's result is followed by how it ended.
    for (int results = 1; good_ && mysql_more_results(mysql_); ++results) {
        if (results >= most_results) {
            giveUp();
            return;
        }
        good_ = mysql_next_result(mysql_) == 0;
        error_ = error();
        if (good_)
            takeRows();
    }
}

int MySqlConnection::waitHook(int socket, char read, int)
{
    if (calling && Fiber::current() == &calling->fiber_)
        return calling->await(socket, read != 0);
    return 0; // the goodbye of a connection that is closed: not worth a wait
}

int MySqlConnection::await(int socket, bool read)
{
    if (aborting_)
        return 0;
    make_non_blocking(socket);
    // The library was given an address, as names are looked up elsewhere. By now it has used that,
    // and next reads there what the certificate must name.
    if (attempting_ && !verifiedName_.empty())
        std::copy(verifiedName_.c_str(), verifiedName_.c_str() + verifiedName_.size() + 1,
                  host_.begin());
    waitsFor_ = socket;
    waitsToRead_ = read;
    fiber_.suspend();
    if (aborting_)
        return 0;
    if (attempting_ && !read) {
        socklen_t size = sizeof connectError_;
        ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &connectError_, &size);
    }
    return connectError_ == 0 ? 1 : 0;
}

// On the event loop's side

void MySqlConnection::begin(std::function<void()> work)
{
    good_ = false;
    tooMuch_ = false;
    error_ = {};
    connectError_ = 0;
    waitsFor_ = -1;
    unwatch();
    MySqlConnection* const before = std::exchange(calling, this);
    fiber_.start(std::move(work));
    calling = before;
    ended();
}

void MySqlConnection::goOn()
{
    unwatch();
    MySqlConnection* const before = std::exchange(calling, this);
    fiber_.resume();
    calling = before;
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
    const MySqlTls tls = plan_.address.tls.value_or(MySqlTls::preferred);
    if (good_ && tlsWanted() && !usesTls() && tls != MySqlTls::preferred) {
        good_ = false;
        error_ = {2026, "", "the server does not support TLS", 0};
    }
    if (!good_ && error_.number == 2026 && tlsWanted() && tls == MySqlTls::preferred) {
        plain_ = true; // the same address again
        attempt();
        return;
    }
    if (!good_) {
        attemptFailed(mysql_connect_trouble(error_, whom()));
        return;
    }
    attemptLimit_.stop();
    attempting_ = false;
    open_ = true;
    // The library leaves a blocking socket behind, and under TLS reads from it without a question.
    make_non_blocking(static_cast<int>(mysql_get_socket(mysql_)));
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
    attempt();
}

void MySqlConnection::run(const std::string& sql, Handler handler)
{
    handler_ = std::move(handler);
    reply_ = {};
    reply_.sent = SystemClock{}.now();
    make_non_blocking(static_cast<int>(mysql_get_socket(mysql_)));
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
