// SPDX-License-Identifier: GPL-3.0-or-later
// What of the dialog depends on how the pool is reached, and on whether it is there.
#include "ui/dialogs/instrumentdialog.h"

#include "core/wire/places.h"
#include "ui/dialogs/codebox.h"
#include "ui/theme/segmentedcontrol.h"

#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSettings>
#include <QTcpServer>

#include <unistd.h>

namespace poolscope {

namespace {

/// The folders in which discovery looks, as agents do.
QString lookedIn()
{
    QStringList folders;
    for (const wire::Place& place : wire::runtime_places(wire::environment_variable, ::getuid()))
        folders << QString::fromStdString(place.folder);
    return folders.join(QStringLiteral(", "));
}

} // namespace

QString InstrumentDialog::poolName() const
{
    return name_->text().trimmed();
}

bool InstrumentDialog::overTcp() const
{
    return transport_->current() == 1;
}

QString InstrumentDialog::address() const
{
    bool number = false;
    const uint port = port_->text().toUInt(&number);
    return overTcp() && number && port > 0 && port < 65536
               ? QStringLiteral("pool://127.0.0.1:%1").arg(port)
               : QString();
}

/// One that is free at this moment; the user may know a better one. Below those that the system
/// gives to whoever connects somewhere, one of which may have it when the application starts.
void InstrumentDialog::proposePort()
{
    constexpr int tries = 50;
    QTcpServer server;
    for (int i = 0; i < tries && !server.isListening(); ++i)
        server.listen(QHostAddress::LocalHost,
                      static_cast<quint16>(QRandomGenerator::global()->bounded(20000, 32768)));
    if (server.isListening())
        port_->setText(QString::number(server.serverPort()));
    showEnvironment();
}

void InstrumentDialog::showEnvironment()
{
    const bool tcp = overTcp();
    const QString url = address();
    for (QWidget* const widget :
         {static_cast<QWidget*>(port_), static_cast<QWidget*>(portLabel_),
          static_cast<QWidget*>(copyEnvironment_), static_cast<QWidget*>(environment_)})
        widget->setVisible(tcp);
    copyEnvironment_->setEnabled(!url.isEmpty());
    if (!tcp)
        local_->setText(
            tr("Nothing to set: the agent listens on a socket of its own, and Poolscope "
               "looks in %1.")
                .arg(lookedIn()));
    else if (url.isEmpty())
        local_->setText(tr("A port is a number from 1 to 65535."));
    else
        local_->setText(tr("The token is new; Poolscope knows it for this attach and stores it "
                           "nowhere."));
    environment_->setCode(url.isEmpty()
                              ? QString()
                              : QStringLiteral("POOLSCOPE_LISTEN=127.0.0.1:%1\nPOOLSCOPE_TOKEN=%2")
                                    .arg(port_->text(), token_),
                          QString());
    if (url == asked_)
        return;
    asked_ = url;
    watch_->setAddress(QString(), QString());
    // Not at what somebody is still typing.
    if (url.isEmpty())
        settle_.stop();
    else
        settle_.start();
}

void InstrumentDialog::showAppeared()
{
    const QListWidgetItem* const current = appeared_->currentItem();
    const QString kept =
        current && current->isSelected() ? current->data(Qt::UserRole).toString() : QString();
    {
        const QSignalBlocker quiet(appeared_);
        appeared_->clear();
        for (const PoolWatch::Found& found : watch_->found()) {
            auto* const item =
                new QListWidgetItem(tr("%1 in process %2 just appeared (%3)")
                                        .arg(found.pools.join(QStringLiteral(", ")).left(120),
                                             QString::number(found.pid), found.process),
                                    appeared_);
            item->setData(Qt::UserRole, found.url);
            if (found.url == kept)
                appeared_->setCurrentItem(item);
        }
    }
    const bool none = watch_->found().empty();
    appearedWords_->setText(none ? tr("No pool has appeared yet. Start the application: it is "
                                      "looked for every second.")
                                 : tr("Since this dialog was opened:"));
    if (waiting_ && !wanted().empty()) {
        attachTo(wanted());
        return;
    }
    showButton();
}

std::vector<PoolWatch::Found> InstrumentDialog::wanted() const
{
    std::vector<PoolWatch::Found> wanted;
    const QList<QListWidgetItem*> picked = appeared_->selectedItems();
    const QString named = address();
    for (const PoolWatch::Found& found : watch_->found()) {
        const bool wants = !picked.isEmpty()
                               ? found.url == picked.front()->data(Qt::UserRole).toString()
                           : !named.isEmpty() ? found.url == named
                                              : found.pools.contains(poolName());
        if (wants)
            wanted.push_back(found);
    }
    return wanted;
}

void InstrumentDialog::showButton()
{
    const std::vector<PoolWatch::Found> now = wanted();
    const QString pool = poolName().left(40);
    const bool askable = isPoolName(pool) && (!overTcp() || !address().isEmpty());
    attach_->setEnabled(!now.empty() || askable);
    if (now.size() == 1)
        attach_->setText(tr("&Attach to process %1").arg(now.front().pid));
    else if (now.size() > 1)
        attach_->setText(tr("&Attach to these %1").arg(now.size()));
    else
        attach_->setText(waiting_ ? tr("Stop w&aiting") : tr("&Attach when it is up"));
    if (!isPoolName(poolName()))
        foot_->setText(tr("A pool has a name: up to 60 characters."));
    else if (!watch_->trouble().isEmpty())
        foot_->setText(tr("Something answers there, but does not take the token: set the two lines "
                          "above, and start the application again."));
    else if (waiting_ && overTcp())
        foot_->setText(tr("Attaches as soon as something answers on port %1.").arg(port_->text()));
    else if (waiting_)
        foot_->setText(tr("Attaches as soon as %1 is there.").arg(pool));
    else
        foot_->setText(QString());
}

void InstrumentDialog::press()
{
    const std::vector<PoolWatch::Found> now = wanted();
    if (!now.empty()) {
        attachTo(now);
        return;
    }
    waiting_ = !waiting_;
    showButton();
}

void InstrumentDialog::attachTo(const std::vector<PoolWatch::Found>& found)
{
    if (found.empty())
        return;
    for (const PoolWatch::Found& one : found) {
        AttachRequest request;
        request.target = one.url;
        if (one.url == address())
            request.password = token_;
        choice_.push_back(request);
    }
    if (const InstrumentStack* const chosen = stack())
        settings_.setValue(QStringLiteral("instrument/stack"), chosen->id);
    settings_.setValue(QStringLiteral("instrument/pool"), poolName());
    settle_.stop();
    watch_->disconnect(this);
    accept();
}

} // namespace poolscope
