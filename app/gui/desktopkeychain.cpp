// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/gui/desktopkeychain.h"

#ifdef POOLSCOPE_HAS_KEYCHAIN
#include <QCoreApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QObject>
#include <QStringList>

#include <qt6keychain/keychain.h>
#endif

namespace poolscope {

#ifdef POOLSCOPE_HAS_KEYCHAIN

namespace {

const QString service = QStringLiteral("org.poolscope.Poolscope");

class DesktopKeychain : public QObject, public Keychain
{
public:
    DesktopKeychain()
    {
        // Running, or started on demand: either will do.
        ask(QStringLiteral("ListNames"));
        ask(QStringLiteral("ListActivatableNames"));
    }

    bool available() const override { return available_; }

    void read(const QString& key, Answer answer) override
    {
        auto* const job = new QKeychain::ReadPasswordJob(service, this);
        start(job, key, [job, answer = std::move(answer)] {
            answer(job->error() == QKeychain::NoError ? job->textData() : QString());
        });
    }

    void keep(const QString& key, const QString& secret, Outcome outcome) override
    {
        auto* const job = new QKeychain::WritePasswordJob(service, this);
        job->setTextData(secret);
        start(job, key, [job, outcome = std::move(outcome)] {
            outcome(job->error() == QKeychain::NoError ? QString() : troubleOf(*job));
        });
    }

    void forget(const QString& key) override
    {
        start(new QKeychain::DeletePasswordJob(service, this), key, [] {});
    }

private:
    template <class Done>
    void start(QKeychain::Job* job, const QString& key, Done done)
    {
        job->setInsecureFallback(false);
        job->setKey(key);
        connect(job, &QKeychain::Job::finished, this, std::move(done));
        job->start();
    }

    static QString troubleOf(const QKeychain::Job& job)
    {
        switch (job.error()) {
        case QKeychain::AccessDeniedByUser:
        case QKeychain::AccessDenied:
            return QObject::tr("The desktop's keychain stayed locked.");
        case QKeychain::NoBackendAvailable:
        case QKeychain::NotImplemented:
            return QObject::tr("No keychain answers on this desktop.");
        default:
            return QObject::tr("The desktop's keychain says: %1").arg(job.errorString().left(200));
        }
    }

    void ask(const QString& method)
    {
        const QDBusMessage question = QDBusMessage::createMethodCall(
            QStringLiteral("org.freedesktop.DBus"), QStringLiteral("/org/freedesktop/DBus"),
            QStringLiteral("org.freedesktop.DBus"), method);
        auto* const watcher = new QDBusPendingCallWatcher(
            QDBusConnection::sessionBus().asyncCall(question, 5000), this);
        connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, watcher] {
            const QDBusPendingReply<QStringList> reply = *watcher;
            watcher->deleteLater();
            if (reply.isError())
                return;
            for (const char* const name :
                 {"org.freedesktop.secrets", "org.kde.kwalletd5", "org.kde.kwalletd6"})
                available_ = available_ || reply.value().contains(QLatin1String(name));
        });
    }

    bool available_ = false;
};

} // namespace

std::shared_ptr<Keychain> makeDesktopKeychain()
{
    return std::make_shared<DesktopKeychain>();
}

#else

std::shared_ptr<Keychain> makeDesktopKeychain()
{
    return nullptr;
}

#endif

} // namespace poolscope
