// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/test_support.h"

#include <utility>

#include <fmt/format.h>

#include "runs/test_support.h"

namespace braid::housekeeping {

void KeptStream::SetUp() {
    ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
    table_ = manifest::test_table(manifest_->new_id().value(), "t");
    table_.columns = operators::test_stream_columns();
    ASSERT_OK(manifest_->commit({manifest::CreateTable{table_}}));
    view_ = manifest_->new_id().value();
    version_ = create_view(view_, "v");
}

VersionId KeptStream::create_view(ViewId id, const std::string& name) {
    const VersionId version = manifest_->new_id().value();
    EXPECT_OK(manifest_->commit(
        {manifest::CreateView{manifest::test_view(id, version, table_.id, name)}}));
    return version;
}

manifest::Run KeptStream::write(runs::RunFile& file, VersionId version,
                                const std::vector<std::string>& records) {
    const operators::TestFold fold = operators::fold_records(records);
    const operators::GroupTable* const tables[] = {&fold.table};
    manifest::Run run = runs::write_tables(file, tables).value();
    run.id = manifest_->new_run_id().value();
    run.version = version;
    run.set_account(fold.account);
    return run;
}

void KeptStream::seal(const std::vector<std::string>& records) {
    const auto from = static_cast<int64_t>(records_.size());
    records_.insert(records_.end(), records.begin(), records.end());
    const auto to = static_cast<int64_t>(records_.size());
    manifest::Seal change{table_.id, manifest::box({from}, {to}), {}};
    runs::RunFile file(files_, runs::run_path(table_.id, manifest_->new_run_id().value()));
    const manifest::StatePtr state = head();
    for (const catalog::MaterializedView* view : state->catalog.views_of(table_.id)) {
        manifest::Run run = write(file, view->current, records);
        run.box = change.box;
        change.runs.push_back(std::move(run));
    }
    ASSERT_OK(file.put());
    ASSERT_OK(manifest_->commit({std::move(change)}));
}

void KeptStream::seal(const std::string& key, int64_t number) {
    seal({fmt::format(R"({{"k":"{}","n":{}}})", key, number)});
}

void KeptStream::publish_new() {
    publish_from(head()->table(table_.id)->cuts.back().cut.at[0].value);
}

void KeptStream::publish_from(int64_t begin) {
    const Cut cut = head()->table(table_.id)->sealed_frontier;
    const Offset archived = head()->table(table_.id)->archive_end.at[0];
    ASSERT_OK(manifest_->commit(
        {manifest::Archive{table_.id, {manifest::test_segment(0, archived.value, cut.at[0].value)}},
         manifest::ChooseCut{table_.id, cut}}));
    runs::RunFile file(files_, runs::run_path(table_.id, manifest_->new_run_id().value()));
    manifest::Publish publish{table_.id, cut, {}, {}};
    const manifest::StatePtr state = head();
    for (const catalog::MaterializedView* view : state->catalog.views_of(table_.id)) {
        manifest::Run run = write(file, view->current, {records_.begin() + begin, records_.end()});
        run.kind = manifest::RunKind::kBatch;
        run.box = manifest::box({begin}, {cut.at[0].value});
        run.increments = begin == 0 ? 0 : 1;
        publish.runs.push_back(std::move(run));
    }
    ASSERT_OK(file.put());
    ASSERT_OK(manifest_->commit({std::move(publish)}));
}

std::vector<manifest::Run> KeptStream::runs_of(VersionId version) const {
    const manifest::StatePtr state = head();
    return {state->runs_of(version).begin(), state->runs_of(version).end()};
}

bool KeptStream::exists(const manifest::Run& run) {
    return files_.exists(run.parts.front().file).value();
}

std::vector<std::string> KeptStream::answer(VersionId version) {
    return runs::lines_of(files_, runs_of(version)).value();
}

std::vector<std::string> KeptStream::expected() const {
    return operators::lines_of(operators::fold_records(records_).table);
}

uint64_t KeptStream::count_run_files() {
    const auto directory = fmt::format("runs/{}", table_.id.value);
    return files_.exists(directory).value() ? files_.list(directory).value().size() : 0;
}

}  // namespace braid::housekeeping
