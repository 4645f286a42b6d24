// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/fiber.h"
#include "core/source/hostlookup.h"
#include "core/source/mysqladdress.h"
#include "core/source/mysqlrows.h"
#include "core/source/mysqltrouble.h"

#include <QObject>
#include <QSocketNotifier>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct st_mysql;

namespace poolscope {

/// What came back for one statement.
struct MySqlReply
{
    MySqlRows rows;
    std::optional<PgTrouble> trouble;
    unsigned int error = 0; ///< the server's number; 0 where it was done
    Timestamp sent;         ///< our clock
    Timestamp received;     ///< our clock
};

/// One connection to MySQL or MariaDB that never blocks its thread: connects (addresses in turn,
/// each with a limit), runs one statement at a time, tells when it was lost.
///
/// The library's own non-blocking calls wait inside for a TLS handshake. So its ordinary calls run
/// on a fiber, and where they would wait they come back to the event loop through the library's
/// hook for that.
class MySqlConnection : public QObject
{
    Q_OBJECT
public:
    struct Limits
    {
        std::chrono::milliseconds lookup{5000};
        std::chrono::milliseconds connect{10000}; ///< each address, without connect_timeout
    };
    struct Plan
    {
        MySqlAddress address; ///< with everything filled in
        PgEndpoint endpoint;  ///< where to connect; another one than the address's with a tunnel
        QString password;     ///< null: the address's
    };
    using Handler = std::function<void(const MySqlReply&)>;

    explicit MySqlConnection(QObject* parent = nullptr);
    ~MySqlConnection() override;

    void setLimits(const Limits& limits) { limits_ = limits; }
    /// Ends with opened() or failed().
    void open(Plan plan);
    /// Silent: neither lost() nor a handler is called.
    void close();

    bool isOpen() const { return open_; }
    bool isBusy() const { return handler_ != nullptr; }
    bool usesTls() const;
    /// 101119 for 10.11.19; of MariaDB without the "5.5.5-" that it puts in front.
    int serverVersion() const;
    bool isMariaDb() const;
    std::string serverWords() const; ///< "10.11.19-MariaDB-1~deb12"
    PgWhom whom() const;

    /// Only while open and not busy. `handler` is called once, from the event loop, unless the
    /// connection is lost first.
    void run(const std::string& sql, Handler handler);

signals:
    void opened();
    void failed(const poolscope::PgTrouble& trouble);
    void lost(const poolscope::PgTrouble& trouble);

private:
    // The library's calls
    static int waitHook(int socket, char read, int timeout);
    static void makeNonBlocking(int socket);
    void turn(const std::function<void()>& enter);
    bool suspendFor(int socket, bool read);
    bool await(int socket, bool read);
    bool awaitGreeting(int socket);
    bool prepare();
    void connectNow(const PgEndpoint& endpoint);
    void askNow(const std::string& sql);
    void takeRows();
    void giveUp();
    bool tlsWanted() const;
    bool tlsDemanded() const;
    void allowLogins(const char* ways);
    void allowStrippedLogins();
    QByteArray password() const;
    bool neverTls() const;

    // The event loop's side
    void resolved(const std::vector<PgEndpoint>& endpoints, const QStringList& missing, bool late);
    void attempt();
    void begin(std::function<void()> work);
    void goOn();
    void ended();
    void connected();
    void attemptFailed(const PgTrouble& trouble);
    void answered();
    void watch(int socket, bool read);
    void unwatch();
    void idleReadable();
    void drop(const PgTrouble& trouble);
    void release();
    MySqlError error() const;

    Limits limits_;
    Plan plan_;
    HostLookup lookup_;
    QTimer attemptLimit_;
    std::vector<PgEndpoint> endpoints_;
    std::size_t next_ = 0;
    int generation_ = 0; ///< of release(): tells a queued step that it is out of date
    std::optional<PgTrouble> worst_;
    bool plain_ = false; ///< the server takes no TLS, and need not

    st_mysql* mysql_ = nullptr;
    Fiber fiber_;
    bool aborting_ = false;
    int waitsFor_ = -1; ///< socket
    bool waitsToRead_ = true;
    int connectError_ = 0; ///< errno of the connect; the library tells another
    bool open_ = false;
    bool attempting_ = false;
    bool good_ = false; ///< what was done on the fiber
    bool tooMuch_ = false;
    bool greeted_ = false;  ///< its greeting was looked at, within this call
    bool stripped_ = false; ///< TLS is demanded, and was not offered
    MySqlError error_;
    std::string verifiedName_; ///< that the certificate must name; else empty
    std::vector<char> host_;   ///< what the library was told as host; it reads it more than once
    std::unique_ptr<QSocketNotifier> notifier_;

    Handler handler_;
    MySqlReply reply_;
};

} // namespace poolscope
