// SPDX-License-Identifier: Apache-2.0
#include "app/sources.h"

#include <utility>

#include "catalog/connectors.h"
#include "collect/file_source.h"

namespace braid::app {

namespace {

bool has_source(const catalog::Table& table) {
    const catalog::ConnectorFacts* connector = catalog::find_connector(table.connector);
    return connector != nullptr && connector->has_source;
}

Result<collect::FileSourceOptions> file_options(const catalog::Table& table) {
    collect::FileSourceOptions options;
    options.path = table.option("path", "");
    TRY(collect::FileSource::check(options));
    options.rotate_wait_us = TRY(catalog::option_number(table, "rotate_wait"));
    options.last_line_wait_us = TRY(catalog::option_number(table, "line_wait"));
    return options;
}

}  // namespace

Sources::Sources(FileSystem& machine, collect::AllowedFiles::ResolveLinks resolve,
                 const std::vector<std::string>& closed, const Clock& clock, Metrics* metrics)
    : files_(std::make_unique<collect::AllowedFiles>(machine, std::move(resolve), closed)),
      clock_(clock),
      metrics_(metrics) {}

Result<void> Sources::check(const catalog::Table& table) {
    if (has_source(table)) TRY(file_options(table));
    return {};
}

std::string Sources::directory_of(const catalog::Table& table) {
    return has_source(table) ? collect::fixed_directory(table.option("path", "")) : std::string();
}

void Sources::allow(const std::vector<std::string>& directories) { files_->allow(directories); }

Result<void> Sources::admit(const catalog::Table& table) const {
    if (!has_source(table)) return {};
    return files_->check(table.option("path", ""));
}

std::vector<std::string> Sources::survey(const catalog::Table& table) const {
    if (!has_source(table)) return {};
    const auto options = file_options(table);
    if (!options) return {options.error().message()};
    return collect::FileSource::survey(*files_, clock_, *options);
}

Result<std::shared_ptr<collect::Source>> Sources::open(
    const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log) const {
    if (!has_source(table)) return std::shared_ptr<collect::Source>();
    return std::shared_ptr<collect::Source>(TRY(collect::FileSource::open(
        *files_, clock_, std::move(log), TRY(file_options(table)), metrics_, table.name)));
}

}  // namespace braid::app
