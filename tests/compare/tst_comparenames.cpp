// SPDX-License-Identifier: GPL-3.0-or-later
// What things are called in a comparison that may be given away.
#include "core/compare/compare.h"
#include "core/compare/json.h"
#include "core/compare/text.h"
#include "tests/compare/tape.h"
#include "tests/report/incident.h"

#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::compare;
using namespace poolscope::test;

class TestCompareNames : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void nothingSecretIsLeft();
    void whoStandsAlone();

private:
    QTemporaryDir dir_;
};

namespace {

std::string allWords(const Comparison& comparison)
{
    std::string all = comparison.before.name + comparison.after.name;
    for (const std::string& note : comparison.notes)
        all += note + '\n';
    for (const Change& change : comparison.changes) {
        all += sentence_of(change) + '\n' + where_of(change) + what_of(change) +
               measure_of(change) + change.what.str() + change.pool.str() + '\n';
        for (const auto* const target : {&change.target, &change.and_target}) {
            if (*target)
                all += (*target)->name + (*target)->url + '\n';
        }
        if (change.stack) {
            for (const StackLine& line : change.stack->lines)
                all += line.function.str() + line.file.str() + '\n';
        }
    }
    return all;
}

} // namespace

void TestCompareNames::nothingSecretIsLeft()
{
    const std::string file = dir_.filePath(QStringLiteral("secret.poolrec")).toStdString();
    const RecordedIncident recorded{file};
    QCOMPARE(recorded.trouble(), std::string{});
    auto before = RecordingReader::open(file);
    auto after = RecordingReader::open(file);
    const auto naming = concealing(*before.value(), *after.value());
    QVERIFY(naming);
    const Timestamp half = RecordedIncident::start + 50s;
    const Side first = side_of(*before.value(), {"recording 1", {}, half}).value();
    const Side second = side_of(*after.value(), {"recording 2", half, {}}).value();
    const Comparison open = compare::compare(first, second);
    const Comparison concealed = compare::compare(first, second, naming.value());
    QVERIFY(allWords(open).find("alice") != std::string::npos);
    for (const std::string& secret : RecordedIncident::secrets)
        QVERIFY2(allWords(concealed).find(secret) == std::string::npos, secret.c_str());
    // And nothing else is another.
    QCOMPARE(concealed.changes.size(), open.changes.size());
    for (std::size_t i = 0; i < open.changes.size(); ++i) {
        QCOMPARE(concealed.changes[i].verdict, open.changes[i].verdict);
        QVERIFY(concealed.changes[i].after.value == open.changes[i].after.value);
    }
}

/// A user is told by no word beside it: of a session without a name, or of a pool of PgBouncer's.
void TestCompareNames::whoStandsAlone()
{
    const std::string file = dir_.filePath(QStringLiteral("alone.poolrec")).toStdString();
    Tape tape{file};
    tape.also_seen = [](ServerSample& sample) {
        for (Session& session : sample.changed) {
            session.application = {};
            session.user = Text{"mallory"};
        }
    };
    Behaviour how{.in_transaction = 3};
    how.pool_name = "shop/mallory";
    how.pool_kind = "pgbouncer";
    tape.play(how);
    tape.close();
    QCOMPARE(tape.trouble(), std::string{});
    auto reader = RecordingReader::open(file);
    auto again = RecordingReader::open(file);
    QVERIFY(reader && again);
    const auto naming = concealing(*reader.value(), *again.value());
    QVERIFY(naming);
    const Timestamp half = Tape::start + 30s;
    const Side first = side_of(*reader.value(), {"recording 1", {}, half}).value();
    const Side second = side_of(*again.value(), {"recording 1", half, {}}).value();
    const auto told = [](const Comparison& comparison) {
        return allWords(comparison) + text_of(comparison, 0) + json_of(comparison);
    };
    const std::string open = told(compare::compare(first, second));
    QVERIFY(open.find("user mallory") != std::string::npos);
    QVERIFY(open.find("shop/mallory") != std::string::npos);
    const std::string concealed = told(compare::compare(first, second, naming.value()));
    const std::size_t secret = concealed.find("mallory");
    QVERIFY2(secret == std::string::npos,
             secret == std::string::npos
                 ? ""
                 : concealed.substr(secret - std::min<std::size_t>(secret, 80), 160).c_str());
    QVERIFY2(concealed.find("user user") != std::string::npos, concealed.c_str());
}

QTEST_GUILESS_MAIN(TestCompareNames)
#include "tst_comparenames.moc"
