// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QList>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>

namespace poolscope::test {

/// A private Prometheus for one test: its own folder and port on this machine, gone with this
/// object. Works as root too: it then runs as 'nobody'. Asks for pages every two seconds, which is
/// as long as one may take: a machine that is busy is slow. Or a VictoriaMetrics, where
/// POOLSCOPE_PROMETHEUS names that.
class Prometheus
{
public:
    struct Job
    {
        QString name;
        QStringList instances; ///< "127.0.0.1:9100"
        QString path = QStringLiteral("/metrics");
    };

    /// POOLSCOPE_PROMETHEUS, else what is installed; empty if nothing is.
    static QString program();
    static bool available() { return !program().isEmpty(); }
    /// It is VictoriaMetrics, which answers the same questions.
    static bool isVictoria();

    Prometheus();
    ~Prometheus();
    Prometheus(const Prometheus&) = delete;
    Prometheus& operator=(const Prometheus&) = delete;

    /// Returns when it is ready to be asked.
    bool start(const QList<Job>& jobs);
    QString error() const { return error_; }
    bool stop();
    /// Again, on the same port with the same configuration and data.
    bool resume();

    QString address() const;
    /// "prometheus+http://127.0.0.1:9090/api/v1"
    QString apiUrl() const;
    qint64 processId() const { return process_ ? process_->processId() : 0; }
    QString log() const;
    /// The body of an answer to a GET of a path, waited for; empty where there was none.
    QByteArray get(const QByteArray& path) const;

private:
    bool launch();
    QStringList prometheusArguments() const;
    QStringList victoriaArguments() const;

    QTemporaryDir dir_;
    QString error_;
    std::unique_ptr<QProcess> process_;
    quint16 port_ = 0;
};

} // namespace poolscope::test
