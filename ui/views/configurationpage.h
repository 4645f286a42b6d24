// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/configrows.h"
#include "ui/views/basepage.h"

#include <QModelIndex>

class QHBoxLayout;
class QLabel;
class QLineEdit;
class QPlainTextEdit;

namespace poolscope {

class ConfigDetail;
class PageTitle;
class Panel;
class SectionHead;
class SegmentedControl;
class TimeoutBar;

/// How pools and servers are set up, judged at the cursor: what should be otherwise and why, and
/// what could not be judged.
class ConfigurationPage : public BasePage
{
    Q_OBJECT
public:
    ConfigurationPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("configuration"); }
    QString title() const override { return tr("Configuration"); }
    QString iconName() const override { return QStringLiteral("configuration"); }
    void focusFilter() override;
    void setFilter(const QString& text) override;
    void nextGrouping() override;
    bool clearOne() override;
    DataTable& table() { return *table_; }
    const ConfigReport& report() const { return report_; }
    /// How often it was judged.
    int judged() const { return judged_; }

protected:
    bool groups() const override { return true; }
    void refresh(const Update& update) override;
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void makeBar();
    void makeTable();
    QWidget* makeUnknown();
    void forget();
    void look(bool now);
    void askLoad();
    void judge(CheckInput input);
    void rebuild();
    void restoreChoice();
    void showAnswer();
    void showUnknown();
    void showDetail();
    void chose();
    void showMenu(const QPoint& at);
    QModelIndex rowOf(const QString& id) const;

    // What is judged, and the judgement.
    CheckInput input_;
    std::vector<PoolSeries> load_;
    ConfigReport report_;
    ConfigCounts counts_;
    int judged_ = 0;
    bool known_ = false; ///< input and report are of this instant, or shortly before
    std::optional<Timestamp> lookedAt_;
    std::optional<Timestamp> loadAt_;
    quint64 question_ = 0; ///< the latest that was asked of the recording
    bool awaited_ = false; ///< its answer
    bool reading_ = false; ///< no load of this instant has been read yet

    QString chosen_; ///< id of a row; it stays chosen while it is not there
    bool byUser_ = false;
    bool mayOffer_ = true;
    bool selecting_ = false; ///< a row is chosen on the page's own account

    std::unique_ptr<TreeModel> model_;
    PageTitle* title_;
    QWidget* bar_;
    QLineEdit* filter_;
    SegmentedControl* grouping_;
    QLabel* words_;
    QLabel* checked_; ///< what was looked at, where nothing was found
    DataTable* table_;
    Panel* unknown_;
    SectionHead* unknownHead_;
    QPlainTextEdit* unknownText_;
    ConfigDetail* detail_;
    TimeoutBar* timeouts_;
};

} // namespace poolscope
