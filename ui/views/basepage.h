// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/banner.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <memory>
#include <optional>
#include <vector>

class QMenu;
class QVBoxLayout;

namespace poolscope {

class DataTable;

/// What all pages share: margins, the banners of LOOK section 7, the store, selection, time zone.
class BasePage : public Page
{
    Q_OBJECT
public:
    BasePage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    int count() const override { return count_; }
    void apply(const Update& update) final;
    void setTransport(const Transport& transport) final;
    QString letters() const override;
    void serveLetter(int key) final;

protected:
    /// After the store took the update.
    virtual void refresh(const Update& update) = 0;
    virtual void transportChanged() {}
    virtual void zoneChanged() {}
    /// Lengths that depend on the height of rows: also without news, when another density is
    /// chosen.
    virtual void arrange() {}
    virtual void select(const std::optional<SessionKey>& session) { Q_UNUSED(session) }

    void showEvent(QShowEvent* event) override;
    void setCount(int count);
    /// Whether what is shown comes from the servers, so that a page without news says so.
    virtual bool showsServers() const { return true; }
    /// Whether it is about servers' sessions: with processes alone attached it has no subject.
    virtual bool ofServers() const { return false; }
    /// Something of what the page is about is attached, whether it answers or not.
    bool hasSubject() const;
    /// Why there is nothing to show yet, as a sentence with the next step; empty where there is.
    QString nothingYet() const;
    /// The words that tell how old the values are where all servers fail; empty where one answers.
    QString asOf() const;
    /// Windows from 1920 px on keep a chart above a table; the detail grows later.
    bool wide() const;
    int detailWidth() const;
    Formatter format() const { return Formatter(context_.utc()); }
    std::vector<SessionRow> rowsOf(const std::vector<SessionKey>& keys) const;
    /// Sends what is selected to the window for confirmation, if nothing stands against it.
    void command(ActionVerb verb, const std::vector<SessionKey>& keys);
    /// What a page adds to the context menu of one session.
    virtual void addToMenu(QMenu& menu, const SessionKey& session);
    /// C, K, B, J, G and the context menu of a table of sessions.
    void serveTable(DataTable* table);
    /// Whether G does something.
    virtual bool groups() const { return false; }
    void goToBlocker(const SessionKey& session);
    /// The connection of a pool that this session serves, if an attached process tells of it; else
    /// that of the session at the root of its waiting.
    void goToCheckout(const SessionKey& session);
    /// J: from the current session, if one is current, to goToCheckout().
    virtual void goAcross(const std::optional<SessionKey>& current);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    Transport transport_;
    QVBoxLayout* layout_;

private:
    bool concerns(const TargetSummary& target) const;
    void updateBanners();
    void sayTargets();
    void sayTwice();
    void sayDetached(const TargetSummary& target);
    void sayFailing(const std::vector<const TargetSummary*>& failing);
    void watchWaiting();
    void say(Severity severity, const QString& lead, const QString& text, const QString& code,
             const QString& icon, const QString& link = {});
    /// Of the link from a recording to its living targets; empty where it names none.
    QString attachWords() const;
    void offerWorst(bool again);
    void showMenu(DataTable* table, const QPoint& at);
    Banner* banner(std::size_t at);

    QVBoxLayout* bannerBox_;
    std::vector<Banner*> banners_;
    std::size_t bannersUsed_ = 0;
    std::optional<Timestamp> waitingSince_;
    int count_ = 0;
    DataTable* served_ = nullptr; ///< the table whose letters are served here
};

} // namespace poolscope
