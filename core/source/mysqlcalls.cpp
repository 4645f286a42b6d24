// SPDX-License-Identifier: GPL-3.0-or-later
// The library's own calls: what it is told before, and what runs on the fiber.
#include "core/source/mysqlconnection.h"

#include "core/source/mysqlgreeting.h"

#include <QFile>

#include <fcntl.h>
#include <mysql.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

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
/// None of them shows the password to whoever listens, asks on the terminal or waits for a third
/// one.
constexpr const char* safe_logins =
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password";
/// With the one that sends the password as it is: through a local socket, or to who has proven who
/// it is.
constexpr const char* trusting_logins =
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password,"
    "mysql_clear_password";

/// None of them shows the password to who has taken the offer of TLS out of the greeting: those of
/// SHA-2 hand it to whoever shows a key.
constexpr const char* stripped_logins = "mysql_native_password,client_ed25519,parsec";

/// The length of a SHA-1.
constexpr const char* no_certificate = "0000000000000000000000000000000000000000";

// Whose call runs on this thread.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local MySqlConnection* calling = nullptr;

} // namespace

void MySqlConnection::makeNonBlocking(int socket)
{
    const int flags = ::fcntl(socket, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    ::fcntl(socket, F_SETFD, FD_CLOEXEC); // the library leaves it to every child
    // The library makes the socket a blocking one again once it is connected. Should it then go
    // straight into the TLS handshake, each read there comes back after a moment.
    const timeval moment{0, 1000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
}

bool MySqlConnection::tlsWanted() const
{
    return !plain_;
}

/// By somebody's word, or because nobody is in between.
bool MySqlConnection::neverTls() const
{
    return plan_.endpoint.isLocalSocket() || plan_.address.tls == MySqlTls::disabled;
}

/// Rather no connection than one in the clear.
bool MySqlConnection::tlsDemanded() const
{
    return tlsWanted() && plan_.address.tls.value_or(MySqlTls::preferred) != MySqlTls::preferred;
}

void MySqlConnection::allowLogins(const char* ways)
{
    mysql_optionsv(mysql_, MARIADB_OPT_RESTRICTED_AUTH, ways);
}

/// Where nobody has proven anything and nothing is encrypted. Who has no password has none to lose.
void MySqlConnection::allowStrippedLogins()
{
    if (password().isEmpty()) {
        allowLogins(safe_logins);
        return;
    }
    allowLogins(stripped_logins);
    // What the server begins with is its default, and need not be the account's: that is asked for
    // then.
    if (plain_)
        mysql_optionsv(mysql_, MYSQL_DEFAULT_AUTH, "mysql_native_password");
}

QByteArray MySqlConnection::password() const
{
    return (plan_.password.isNull() ? plan_.address.password : plan_.password).toUtf8();
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
    // Limits are ours to keep. With any of its own the library gives the socket that for a timeout,
    // in place of our moment, and waits so long within the TLS handshake without a question. But
    // for a local socket it sleeps between tries while the server's queue is full: not for long.
    const unsigned int connecting = local ? 1 : 0, no_limit = 0;
    const unsigned int no_files = 0;
    const my_bool yes = 1, no = 0;
    mysql_optionsv(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &connecting);
    mysql_optionsv(mysql_, MYSQL_OPT_READ_TIMEOUT, &no_limit);
    mysql_optionsv(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &no_limit);
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
    // With TLS others are let in once the greeting is seen to offer it: what the library is set to
    // and what it comes to are two things, and some ways to log in go by the former.
    if (local || neverTls())
        allowLogins(local ? trusting_logins : safe_logins);
    else
        allowStrippedLogins();
    if (!tlsWanted())
        return true;
    mysql_optionsv(mysql_, MYSQL_OPT_SSL_ENFORCE, &yes);
    // Newer libraries would check the certificate without being asked to.
    mysql_optionsv(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, proven ? &yes : &no);
    // A certificate that there is not: with it the library does not log in without TLS either.
    // Taken back once the greeting is seen to offer it.
    if (tlsDemanded())
        mysql_optionsv(mysql_, MARIADB_OPT_TLS_PEER_FP, no_certificate);
    text(MYSQL_OPT_SSL_KEY, plan_.address.key);
    text(MYSQL_OPT_SSL_CERT, plan_.address.certificate);
    if (tls == MySqlTls::verify_ca || tls == MySqlTls::verify_identity) {
        text(MYSQL_OPT_SSL_CA, plan_.address.ca);
        text(MYSQL_OPT_SSL_CAPATH, plan_.address.caPath);
    }
    if (proven)
        verifiedName_ = plan_.address.host.toStdString();
    return true;
}

void MySqlConnection::connectNow(const PgEndpoint& endpoint)
{
    const MySqlAddress& address = plan_.address;
    const QByteArray user = address.user.toUtf8(), database = address.database.toUtf8();
    const std::string host = endpoint.address.toStdString();
    host_.assign(std::max(host.size(), verifiedName_.size()) + 1, '\0');
    std::copy(host.begin(), host.end(), host_.begin());
    const QByteArray socket = QFile::encodeName(endpoint.host);
    const bool local = endpoint.isLocalSocket();
    errno = 0;
    good_ = mysql_real_connect(
                mysql_, local ? nullptr : host_.data(), user.constData(), password().constData(),
                database.isEmpty() ? nullptr : database.constData(),
                local ? 0 : endpoint.port.toUInt(), local ? socket.constData() : nullptr,
                CLIENT_REMEMBER_OPTIONS | CLIENT_MULTI_RESULTS) != nullptr;
    const int system = connectError_ != 0 ? connectError_ : errno;
    if (!good_) {
        error_ = error();
        error_.system = system;
    }
    if (stripped_) {
        good_ = false;
        error_ = {2026, "", "the server does not support TLS", 0};
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
        return calling->await(socket, read != 0) ? 1 : 0;
    return 0; // the goodbye of a connection that is closed: not worth a wait
}

/// Back to the event loop until there is something to read, or room to write. False where the call
/// is to end.
bool MySqlConnection::suspendFor(int socket, bool read)
{
    waitsFor_ = socket;
    waitsToRead_ = read;
    fiber_.suspend();
    return !aborting_;
}

bool MySqlConnection::await(int socket, bool read)
{
    if (aborting_)
        return false;
    makeNonBlocking(socket);
    // The library was given an address, as names are looked up elsewhere. By now it has used that,
    // and next reads there what the certificate must name.
    if (attempting_ && !verifiedName_.empty())
        std::copy(verifiedName_.c_str(), verifiedName_.c_str() + verifiedName_.size() + 1,
                  host_.begin());
    if (!suspendFor(socket, read))
        return false;
    if (!attempting_ || read)
        return connectError_ == 0;
    socklen_t size = sizeof connectError_;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &connectError_, &size);
    if (connectError_ != 0 || !tlsWanted() || std::exchange(greeted_, true))
        return connectError_ == 0;
    return awaitGreeting(socket);
}

/// Where TLS is demanded nothing is to be sent to who does not offer it, and where it is not,
/// nothing that TLS alone would have kept secret: the library would log in first as if there were
/// TLS, and somebody in between can take the offer out of the greeting. That is looked at where it
/// lies in the socket, before the library reads it.
bool MySqlConnection::awaitGreeting(int socket)
{
    const auto readableFrom = [socket](int bytes) {
        ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    };
    std::array<unsigned char, mysql_longest_greeting> bytes{};
    MySqlGreeting greeting;
    std::size_t had = 0;
    while (suspendFor(socket, true)) {
        const auto got = ::recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        // Hung up in the middle: the library finds and says so.
        if (got <= static_cast<ssize_t>(had))
            break;
        had = static_cast<std::size_t>(got);
        greeting = read_mysql_greeting(std::span{bytes}.first(had));
        if (greeting.needs == 0)
            break;
        readableFrom(static_cast<int>(greeting.needs));
    }
    readableFrom(1);
    if (greeting.offers_tls) {
        mysql_optionsv(mysql_, MARIADB_OPT_TLS_PEER_FP, nullptr);
        allowLogins(verifiedName_.empty() ? safe_logins : trusting_logins);
    } else if (greeting.greets && tlsDemanded()) {
        stripped_ = true;
    } else if (greeting.greets) {
        const my_bool no = 0;
        mysql_optionsv(mysql_, MYSQL_OPT_SSL_ENFORCE, &no);
        plain_ = true;
        allowStrippedLogins();
    }
    return !aborting_ && !stripped_;
}

/// Runs the fiber until it waits or ends. OpenSSL has one list of errors a thread, and takes what
/// it finds there for its last call's: nobody is to find another's.
void MySqlConnection::turn(const std::function<void()>& enter)
{
    MySqlConnection* const before = std::exchange(calling, this);
    ERR_clear_error();
    enter();
    ERR_clear_error();
    calling = before;
}

} // namespace poolscope
