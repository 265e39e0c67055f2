// SPDX-License-Identifier: Apache-2.0
#include "serving/session/transaction.h"

#include <algorithm>
#include <utility>

#include "base/error_makers.h"

namespace braid::serving {

Result<void> PendingInserts::add(TableId table, const std::string& name, std::string record) {
    if (record.size() > kRecordBytesMax) {
        return exhausted("a row of \"{}\" makes a record of {} bytes", name, record.size())
            .with_detail(fmt::format("At most {} bytes are stored.", kRecordBytesMax))
            .with_sqlstate("54000");
    }
    if (bytes_ + record.size() > kBytesMax) {
        return Error(exhausted("the transaction has inserted more than {} MiB", kBytesMax >> 20))
            .with_hint("Commit more often, or send records to POST /v1/tables/<table>/records.")
            .with_sqlstate("53200");
    }
    if (!has(table)) tables_.emplace_back(table, name);
    bytes_ += record.size();
    records_.push_back({table, std::move(record)});
    return {};
}

bool PendingInserts::has(TableId table) const {
    return std::ranges::any_of(tables_, [&](const auto& each) { return each.first == table; });
}

void PendingInserts::truncate(size_t count) {
    while (records_.size() > count) {
        bytes_ -= records_.back().text.size();
        records_.pop_back();
    }
    std::erase_if(tables_, [&](const auto& table) {
        return std::ranges::none_of(records_,
                                    [&](const Record& each) { return each.table == table.first; });
    });
}

void PendingInserts::clear() {
    records_.clear();
    tables_.clear();
    bytes_ = 0;
}

Result<void> PendingInserts::append_all(RecordAppender& appender, const catalog::Catalog& catalog) {
    const std::vector<Record> records = std::move(records_);
    const auto tables = std::move(tables_);
    clear();
    for (const auto& [id, name] : tables) {
        const auto table = catalog.tables.find(id);
        if (table == catalog.tables.end()) return not_found("relation \"{}\" does not exist", name);
        log::AppendRequest request;
        for (const Record& each : records) {
            if (each.table == id) request.records.push_back(each.text);
        }
        TRY(appender.append(table->second, std::nullopt, request));
    }
    return {};
}

}  // namespace braid::serving
