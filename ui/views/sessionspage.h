// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionmodel.h"
#include "ui/views/basepage.h"

class QLabel;
class QLineEdit;

namespace poolscope {

class ChartBoard;
class SegmentedControl;
class SessionDetail;

/// Who is connected, in what state, since when.
class SessionsPage : public BasePage
{
    Q_OBJECT
public:
    SessionsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("sessions"); }
    QString title() const override { return tr("Sessions"); }
    bool ofServers() const override { return true; }
    QString iconName() const override { return QStringLiteral("sessions"); }
    void focusFilter() override;
    void setFilter(const QString& text) override;
    void nextGrouping() override;
    QString letters() const override;
    bool clearOne() override;
    std::vector<SessionRow> selectedSessions() const override;

    SessionModel& model() { return model_; }
    DataTable& table() { return *table_; }

    /// The 80 % case in three keys: what is like this session.
    void filterLikeThis(const SessionKey& session);

protected:
    bool groups() const override { return true; }
    void refresh(const Update& update) override;
    void transportChanged() override;
    void zoneChanged() override;
    void select(const std::optional<SessionKey>& session) override;
    void resizeEvent(QResizeEvent* event) override;
    void addToMenu(QMenu& menu, const SessionKey& session) override;
    void showEvent(QShowEvent* event) override;

private:
    void makeBar();
    void makeTable();
    bool several() const;
    void applyFilter();
    void group(SessionGrouping grouping);
    void narrow(int key);
    void toggleTerms(const QString& terms);
    void updateWords();
    void tableChosen();
    void showChosen();
    void restoreSelection(const std::vector<SessionKey>& keys);
    void reveal();

    SessionModel model_;
    QWidget* bar_;
    QLineEdit* filter_;
    QLabel* trouble_;
    QLabel* words_;
    QLabel* empty_;
    SegmentedControl* grouping_;
    DataTable* table_;
    SessionDetail* detail_;
    ChartBoard* board_;
    bool reveal_ = false; ///< the current row was asked for, and may be out of sight
    bool selecting_ = false;
};

} // namespace poolscope
