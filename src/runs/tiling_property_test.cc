// SPDX-License-Identifier: Apache-2.0
// Random changes, legal, spoilt and stale, against a model that counts single events: the commit
// rule accepts exactly what the model allows, and every accepted state answers every event exactly
// once.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "manifest/test_support.h"
#include "runs/snapshot.h"

namespace braid::runs {
namespace {

using manifest::Change;
using manifest::Run;
using manifest::RunKind;
using manifest::State;
using manifest::TableState;
using manifest::TestHistory;

/// How often each event of each partition is in some boxes.
using Counts = std::map<std::pair<uint32_t, int64_t>, int>;

void count(Counts& counts, const Box& box) {
    for (const Interval& each : box.intervals) {
        for (int64_t at = each.from.value; at < each.to.value; ++at) {
            ++counts[{each.partition.value, at}];
        }
    }
}

/// Every event with from <= offset < to once.
Counts once(const Positions& from, const Positions& to) {
    Counts counts;
    count(counts, Box::between(from, to));
    return counts;
}

bool lies_across(const Box& box, const Cut& cut) {
    bool reaches_above = false;
    bool reaches_below = false;
    for (const Interval& each : box.intervals) {
        reaches_above = reaches_above || each.to > cut.of(each.partition);
        reaches_below = reaches_below || each.from < cut.of(each.partition);
    }
    return reaches_above && reaches_below;
}

/// Whether two boxes hold the same events.
bool holds_same(const Box& left, const Box& right) {
    Counts counts_left;
    Counts counts_right;
    count(counts_left, left);
    count(counts_right, right);
    return counts_left == counts_right;
}

/// What may be committed, said in the plainest way. Reads the state, never the commit rule.
struct Model {
    const State& state;
    TableId table;
    const std::set<RunId>& used;
    const std::set<ObjectId>& used_objects;

    const TableState& of() const { return *state.table(table); }
    std::set<VersionId> versions() const {
        std::set<VersionId> ids;
        for (const auto* view : state.catalog.views_of(table)) {
            for (const auto& version : view->versions) ids.insert(version.id);
        }
        return ids;
    }
    const catalog::ViewVersion& version(VersionId id) const {
        return *state.catalog.view_of_version(id)->find(id);
    }
    /// A cut may be older than a partition: nothing of that lies below it.
    Cut of_today(Cut cut) const {
        for (size_t index = cut.at.size(); index < of().origin.at.size(); ++index) {
            cut.at.push_back(of().origin.at[index]);
        }
        return cut;
    }
    /// Where the batch runs of a version end: these are its first ones.
    Positions batch_end(VersionId id) const {
        Positions end = of().origin;
        for (const auto& run : state.runs_of(id)) {
            if (run.kind != RunKind::kBatch) break;
            for (const Interval& each : run.box.intervals) {
                end.at[each.partition.value] = each.to;
            }
        }
        return end;
    }
    bool answers(const std::vector<Run>& runs, const std::set<VersionId>& wanted, RunKind kind,
                 const Box& box) const {
        return answers(runs, wanted, kind, [&](const Run&) { return std::optional(box); });
    }
    bool answers(const std::vector<Run>& runs, const std::set<VersionId>& wanted, RunKind kind,
                 const std::function<std::optional<Box>(const Run&)>& box_of) const {
        std::set<VersionId> given;
        std::set<RunId> ids;
        for (const auto& run : runs) {
            if (run.kind != kind || used.contains(run.id)) return false;
            if (!wanted.contains(run.version)) return false;
            const auto box = box_of(run);
            if (!box || !holds_same(run.box, *box)) return false;
            given.insert(run.version);
            ids.insert(run.id);
        }
        return given == wanted && ids.size() == runs.size() && given.size() == runs.size();
    }

    bool allows(const manifest::Seal& seal) const {
        for (const Interval& each : seal.box.intervals) {
            if (each.from != of().sealed_frontier.of(each.partition) || each.to < each.from) {
                return false;
            }
        }
        return answers(seal.runs, versions(), RunKind::kSealed, seal.box);
    }
    bool allows(const manifest::Backfill& backfill) const {
        if (!versions().contains(backfill.run.version)) return false;
        const auto& filled = version(backfill.run.version);
        return !filled.is_populated && answers({backfill.run}, {filled.id}, RunKind::kBatch,
                                               Box::between(of().origin, filled.first_seal));
    }
    bool allows(const manifest::Grow& grow) const {
        const auto& known = of().origin.at;
        const auto& told = grow.origin.at;
        return told.size() > known.size() && std::equal(known.begin(), known.end(), told.begin());
    }
    bool allows(const manifest::Archive& archive) const {
        Positions end = of().archive_end;
        for (const auto& segment : archive.segments) {
            if (!extend(end, segment.box)) return false;
        }
        return true;
    }
    bool allows(const manifest::ChooseCut& choice) const {
        if (!choice.cut) return of().cut_in_flight.has_value();
        if (of().cut_in_flight) return false;
        const Cut cut = of_today(*choice.cut);
        for (uint32_t index = 0; index < cut.partition_count(); ++index) {
            const Offset at = cut.at[index];
            if (at > of().archive_end.at[index] || at > of().sealed_frontier.at[index])
                return false;
            if (at < of().origin.at[index]) return false;
            for (const auto& published : of().cuts) {
                if (at < published.cut.at[index]) return false;
            }
        }
        for (const VersionId id : versions()) {
            for (const auto& run : state.runs_of(id)) {
                if (lies_across(run.box, cut)) return false;
            }
        }
        return true;
    }
    bool allows(const manifest::Publish& publish) const {
        const Cut cut = of_today(publish.cut);
        if (of().cut_in_flight != cut) return false;
        std::set<VersionId> wanted;
        for (const VersionId id : versions()) {
            const Positions& start = version(id).first_seal;
            bool is_reached = true;
            for (uint32_t index = 0; index < start.partition_count(); ++index) {
                is_reached = is_reached && start.at[index] <= cut.at[index];
            }
            const bool is_given =
                std::ranges::find(publish.runs, id, &Run::version) != publish.runs.end();
            // One that was declared exactly at the cut has no box below it.
            if (!is_reached || (start == cut && !is_given)) continue;
            // Nor is there anything to add where batch has answered it up to there.
            if (!is_given && batch_end(id) == cut) continue;
            wanted.insert(id);
            for (const auto& run : state.runs_of(id)) {
                if (lies_across(run.box, cut)) return false;
            }
        }
        const auto box_of = [&](const Run& run) -> std::optional<Box> {
            if (run.increments == 0) return Box::between(of().origin, cut);
            const Positions end = batch_end(run.version);
            if (run.increments != 1 || end == of().origin || end == cut) return std::nullopt;
            for (uint32_t index = 0; index < cut.partition_count(); ++index) {
                if (end.at[index] > cut.at[index]) return std::nullopt;
            }
            return Box::between(end, cut);
        };
        return answers(publish.runs, wanted, RunKind::kBatch, box_of);
    }
    bool allows(const manifest::ForgetCuts& forget) const {
        return std::ranges::all_of(forget.cuts, [&](uint64_t number) {
            return number != of().cuts.back().number &&
                   std::ranges::find(of().cuts, number, &manifest::PublishedCut::number) !=
                       of().cuts.end();
        });
    }
    bool allows(const manifest::Compact& compact) const {
        const auto& runs = state.runs_of(compact.added.version);
        const auto first =
            std::ranges::find(runs, compact.removed.front(), &Run::id) - runs.begin();
        Counts counts;
        uint32_t increments = 0;
        for (size_t index = 0; index < compact.removed.size(); ++index) {
            const size_t at = static_cast<size_t>(first) + index;
            if (at >= runs.size() || runs[at].id != compact.removed[index]) return false;
            if (runs[at].kind != compact.added.kind) return false;
            increments += runs[at].increments;
            count(counts, runs[at].box);
        }
        Counts added;
        count(added, compact.added.box);
        const auto crosses = [&](const Cut& cut) { return lies_across(compact.added.box, cut); };
        for (const auto& published : of().cuts) {
            if (crosses(published.cut)) return false;
        }
        if (of().cut_in_flight && crosses(*of().cut_in_flight)) return false;
        return counts == added && increments == compact.added.increments &&
               !used.contains(compact.added.id);
    }
    bool allows(const manifest::Release& release) const {
        std::set<RunId> retired;
        for (const auto& each : state.retired) retired.insert(each.run.id);
        const auto is_retired = [&](RunId id) { return retired.contains(id); };
        return std::ranges::all_of(release.runs, is_retired);
    }
    bool allows(const manifest::CreateView& create) const {
        return !state.catalog.has_relation(create.view.name) &&
               !used_objects.contains(create.view.id) &&
               !used_objects.contains(create.view.current);
    }
    bool allows(const manifest::DropView& drop) const {
        return state.catalog.views.contains(drop.view);
    }
    bool allows(const auto& /*never made here*/) const { return false; }
};

/// One history: makes changes, commits them or not, and looks at the result.
class World {
  public:
    World(uint64_t seed, uint32_t partitions)
        : random_(seed), table_(history_.add_table_at("t", some_origin(Positions(), partitions))) {
        history_.add_view(table_, "v0");
    }

    void step() {
        Change change = make();
        if (random_.below(6) == 0) spoil(change);
        if (!pool_.empty() && random_.below(3) == 0) {
            std::swap(change, pool_[random_.below(pool_.size())]);  // made long ago
        }
        if (pool_.size() < 40) pool_.push_back(change);
        commit(change);
    }
    uint64_t accepted() const { return accepted_; }
    uint64_t refused() const { return refused_; }

  private:
    const TableState& of() const { return *history_.state.table(table_); }
    RunId fresh() { return {next_run_++}; }
    Positions some_origin(Positions known, uint32_t more) {
        for (; more > 0; --more) known.at.push_back({static_cast<int64_t>(random_.below(9))});
        return known;
    }

    void commit(const Change& change) {
        const Model model{history_.state, table_, used_, used_objects_};
        const bool is_allowed =
            std::visit([&](const auto& each) { return model.allows(each); }, change);
        const std::string before = is_allowed ? "" : manifest::to_text(history_.state);
        const Result<void> outcome = history_.apply({change});
        ASSERT_EQ(outcome.has_value(), is_allowed)
            << "change " << change.index() << ": "
            << (outcome ? "accepted" : outcome.error().to_string());
        if (!is_allowed) {
            ++refused_;
            ASSERT_EQ(manifest::to_text(history_.state), before);
            return;
        }
        ++accepted_;
        remember_ids(change);
        look();
    }

    void remember_ids(const Change& change) {
        if (const auto* seal = std::get_if<manifest::Seal>(&change)) remember(seal->runs);
        if (const auto* publish = std::get_if<manifest::Publish>(&change)) remember(publish->runs);
        if (const auto* fill = std::get_if<manifest::Backfill>(&change)) remember({fill->run});
        if (const auto* compact = std::get_if<manifest::Compact>(&change))
            remember({compact->added});
        for (const auto& [id, view] : history_.state.catalog.views) {
            used_objects_.insert({id, view.current});
        }
    }
    void remember(const std::vector<Run>& runs) {
        for (const auto& run : runs) used_.insert(run.id);
    }

    /// Every version answers every event once, at the frontier and at every cut that is kept.
    void look() const {
        const State& state = history_.state;
        for (const VersionId id : history_.versions_of(table_)) {
            const auto& version = *state.catalog.view_of_version(id)->find(id);
            Counts counts;
            for (const auto& run : state.runs_of(id)) count(counts, run.box);
            const Positions& start = version.is_populated ? of().origin : version.first_seal;
            ASSERT_EQ(counts, once(start, of().sealed_frontier)) << "version " << id.value;
            const auto live = choose_runs(state, id, ReadMode::kLive, 0);
            ASSERT_EQ(live.has_value(), version.is_populated);
            if (!live) continue;
            for (const auto& cut : of().cuts) {
                const auto runs = choose_runs(state, id, ReadMode::kAtCut, cut.number);
                const bool is_named = answers_cut(id, cut);
                ASSERT_EQ(runs.has_value(), is_named) << "cut " << cut.number;
                if (!runs) continue;
                Counts answered;
                for (const Run* run : *runs) count(answered, run->box);
                ASSERT_EQ(answered, once(of().origin, cut.cut));
            }
        }
    }
    bool answers_cut(VersionId version, const manifest::PublishedCut& cut) const {
        const auto is_it = [&](const Run& run) {
            return run.version == version && std::ranges::count(cut.runs, run.id) > 0;
        };
        return std::ranges::any_of(history_.state.runs_of(version), is_it) ||
               std::ranges::any_of(history_.state.retired,
                                   [&](const auto& each) { return is_it(each.run); });
    }

    Change make() {
        switch (random_.below(13)) {
            case 0:
                return random_.below(3) == 0 ? make_growth() : make_view();
            case 1:
                return random_.below(3) == 0 ? make_drop() : make_seal();
            case 2:
                return make_backfill();
            case 3:
            case 4:
                return make_archive();
            case 5:
                return make_cut();
            case 6:
            case 7:
                return make_publish();
            case 8:
            case 9:
                return make_compaction();
            case 10:
                return make_release();
            case 11:
                return make_forgetting();
            default:
                return make_seal();
        }
    }

    Change make_seal() {
        manifest::Seal seal{.table = table_};
        for (uint32_t partition = 0; partition < of().origin.partition_count(); ++partition) {
            if (random_.below(4) == 0) continue;  // not of this worker
            const Offset from = of().sealed_frontier.at[partition];
            const auto width = static_cast<int64_t>(random_.below(3));
            seal.box.intervals.push_back({{partition}, from, {from.value + width}});
        }
        for (const VersionId id : history_.versions_of(table_)) {
            seal.runs.push_back(manifest::test_run(fresh(), id, RunKind::kSealed, seal.box));
        }
        return seal;
    }
    Change make_growth() {
        const auto more = static_cast<uint32_t>(1 + random_.below(2));
        return manifest::Grow{table_, some_origin(of().origin, more)};
    }
    Change make_view() {
        const ObjectId id = history_.new_id();
        const std::string name = fmt::format("v{}", random_.below(4));
        return manifest::CreateView{manifest::test_view(id, {id.value + 1}, table_, name)};
    }
    Change make_drop() {
        const auto& views = history_.state.catalog.views;
        if (views.empty()) return make_view();
        return manifest::DropView{views.begin()->first};
    }
    Change make_backfill() {
        for (const VersionId id : history_.versions_of(table_)) {
            const auto& version = *history_.state.catalog.view_of_version(id)->find(id);
            if (version.is_populated) continue;
            return manifest::Backfill{manifest::test_run(
                fresh(), id, RunKind::kBatch, Box::between(of().origin, version.first_seal))};
        }
        return make_seal();
    }
    Change make_archive() {
        manifest::Archive archive{.table = table_};
        for (uint32_t partition = 0; partition < of().origin.partition_count(); ++partition) {
            const int64_t from = of().archive_end.at[partition].value;
            const auto width = static_cast<int64_t>(random_.below(5));
            if (width == 0) continue;
            archive.segments.push_back(manifest::test_segment(partition, from, from + width));
        }
        return archive;
    }
    Change make_cut() {
        if (of().cut_in_flight && random_.below(4) == 0) {
            return manifest::ChooseCut{table_, std::nullopt};
        }
        Cut cut = of().sealed_frontier;
        for (uint64_t steps = random_.below(3); steps > 0; --steps) {
            Offset& at = cut.at[random_.below(cut.at.size())];
            at.value = std::max<int64_t>(0, at.value - 1);
        }
        return manifest::ChooseCut{table_, cut};
    }
    Change make_publish() {
        if (!of().cut_in_flight) return make_cut();
        manifest::Publish publish =
            random_.below(2) == 0 ? history_.publish(table_) : history_.publish_new(table_);
        for (auto& run : publish.runs) run.id = fresh();
        return publish;
    }
    Change make_compaction() {
        const auto versions = history_.versions_of(table_);
        if (versions.empty()) return make_view();
        const VersionId id = versions[random_.below(versions.size())];
        const auto& runs = history_.state.runs_of(id);
        const size_t size = 2 + random_.below(3);
        if (runs.size() < size) return make_seal();
        const size_t first = random_.below(runs.size() - size + 1);
        manifest::Compact compact;
        Box box;
        for (size_t index = first; index < first + size; ++index) {
            compact.removed.push_back(runs[index].id);
            box = join(box, runs[index].box).value();
        }
        compact.added = manifest::test_run(fresh(), id, runs[first].kind, box);
        for (size_t index = first; index < first + size; ++index) {
            compact.added.increments += runs[index].increments;
        }
        return compact;
    }
    Change make_release() {
        manifest::Release release;
        const auto& retired = history_.state.retired;
        for (size_t index = 0; index < retired.size() && index < 3; ++index) {
            release.runs.push_back(retired[index].run.id);  // oldest first
        }
        return release;
    }

    Change make_forgetting() {
        const auto& cuts = of().cuts;
        if (cuts.empty()) return make_cut();
        return manifest::ForgetCuts{{cuts[random_.below(cuts.size())].number}};
    }

    /// Makes a change wrong, mostly.
    void spoil(Change& change) {
        if (auto* seal = std::get_if<manifest::Seal>(&change)) {
            if (random_.below(2) == 0 && !seal->runs.empty()) {
                seal->runs.pop_back();
            } else if (!seal->box.intervals.empty()) {
                Interval& each = seal->box.intervals[random_.below(seal->box.intervals.size())];
                each.from.value += random_.below(2) == 0 ? 1 : -1;
                each.to.value = std::max(each.to.value, each.from.value);
                for (auto& run : seal->runs) {
                    run = manifest::test_run(run.id, run.version, run.kind, seal->box);
                }
            }
        } else if (auto* archive = std::get_if<manifest::Archive>(&change)) {
            for (auto& segment : archive->segments) {
                const Interval& each = segment.box.intervals.front();
                segment = manifest::test_segment(each.partition.value, each.from.value + 1,
                                                 each.to.value + 1);
            }
        } else if (auto* publish = std::get_if<manifest::Publish>(&change)) {
            if (!publish->runs.empty()) publish->runs.pop_back();
        } else if (auto* compact = std::get_if<manifest::Compact>(&change)) {
            compact->removed.back().value += 1;
        } else if (auto* grow = std::get_if<manifest::Grow>(&change)) {
            if (random_.below(2) == 0) {
                grow->origin.at[random_.below(grow->origin.at.size())].value += 1;
            } else {
                grow->origin.at.resize(of().origin.at.size());
            }
        }
    }

    Random random_;
    TestHistory history_;
    TableId table_;
    uint64_t next_run_ = 1;
    std::set<RunId> used_;
    std::set<ObjectId> used_objects_;
    std::vector<Change> pool_;
    uint64_t accepted_ = 0;
    uint64_t refused_ = 0;
};

TEST(TilingProperty, AcceptsExactlyWhatTiles) {
    constexpr uint64_t kSeeds = 16;
    constexpr int kSteps = 250;
    uint64_t accepted = 0;
    uint64_t refused = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        World world(seed, static_cast<uint32_t>(1 + seed % 4));
        for (int step = 0; step < kSteps; ++step) {
            SCOPED_TRACE(fmt::format("step {}", step));
            world.step();
            if (testing::Test::HasFatalFailure()) return;
        }
        accepted += world.accepted();
        refused += world.refused();
    }
    // The generator is worth nothing if it makes only one kind.
    EXPECT_GT(accepted, kSeeds * kSteps / 4);
    EXPECT_GT(refused, kSeeds * kSteps / 6);
}

}  // namespace
}  // namespace braid::runs
