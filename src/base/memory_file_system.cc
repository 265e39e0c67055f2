// SPDX-License-Identifier: Apache-2.0
#include "base/memory_file_system.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/random.h"

namespace braid {

namespace {

using Kind = FileOperation::Kind;

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

/// A file or directory. Files only grow, so the durable image is a prefix of the visible one.
struct Node {
    bool is_directory = false;
    std::string bytes;
    size_t synced = 0;
    uint64_t inode = 0;
};
using NodePointer = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePointer>;

/// One change of names that is durable as a whole or not at all; a null node removes the name.
struct Change {
    std::vector<std::pair<std::string, NodePointer>> names;
};

void apply_change(Names& names, const Change& change) {
    for (const auto& [path, node] : change.names) {
        if (node) {
            names[path] = node;
        } else {
            names.erase(path);
        }
    }
}

std::string normalize(const std::string& path) {
    const size_t first = path.find_first_not_of('/');
    if (first == std::string::npos) return {};
    return path.substr(first, path.find_last_not_of('/') - first + 1);
}

/// The path as the maps know it. ".." is refused here as the real file system refuses it.
Result<std::string> checked(const std::string& path) {
    if (("/" + path + "/").find("/../") != std::string::npos) {
        return invalid_input("path \"{}\" contains \"..\"", path);
    }
    return normalize(path);
}

FileInfo info_of(const Node& node) {
    return {.bytes = node.bytes.size(),
            .device = 1,
            .inode = node.inode,
            .is_directory = node.is_directory,
            .modified_us = 0};
}

Error missing(const std::string& path) {
    return not_found("could not open \"{}\": no such file or directory", path)
        .with_sqlstate("58P01");
}

Error taken(const std::string& path) {
    return already_exists("\"{}\" exists", path).with_sqlstate("58P02");
}

}  // namespace

struct MemoryFileSystem::State {
    Mutex mutex;
    Names visible;
    Names durable;
    std::vector<Change> pending;  // made visible, not yet synced, oldest first
    std::set<uint64_t> locks;     // of files, by inode: a name may lead to another one
    FaultHook hook;
    uint64_t epoch = 0;
    uint64_t operations = 0;
    uint64_t power_left = kUnlimited;  // mutating operations until the power goes
    bool power_off = false;
    uint64_t free = kUnlimited;
    uint64_t next_inode = 1;

    /// Counts the operation, asks the hook and looks whether there is power. Called under no lock.
    Result<void> begin(Kind kind, const std::string& path, uint64_t handle_epoch);
    uint64_t current_epoch();

    void change(Change made) {
        apply_change(visible, made);
        pending.push_back(std::move(made));
    }
    NodePointer find(const std::string& path) const {
        auto place = visible.find(path);
        return place == visible.end() ? nullptr : place->second;
    }
    Result<NodePointer> find_file(const std::string& path) const;
    Result<void> check_parent(const std::string& path) const;
    bool has_children(const std::string& directory) const;
    Result<void> append(Node& node, Bytes bytes);
    Result<void> move(const std::string& from, const std::string& to);
    Result<void> exchange(const std::string& directory, const std::string& other);
    void sync_directory(const std::string& directory);
    void crash(CrashFate fate, uint64_t seed);
    void settle_names(CrashFate fate, Random& random);

    class Writer;
    class Reader;
    class Lock;
    class HeldDirectory;
};

Result<void> MemoryFileSystem::State::begin(Kind kind, const std::string& path,
                                            uint64_t handle_epoch) {
    FaultHook asked;
    {
        ScopedLock lock(mutex);
        if (handle_epoch != epoch)
            return io_error("\"{}\" was opened before the machine stopped", path);
        if (kind != Kind::kRead) {
            ++operations;
            if (power_left == 0) power_off = true;
            if (power_left != kUnlimited && power_left > 0) --power_left;
        }
        if (power_off) return io_error("no power for \"{}\"", path);
        asked = hook;
    }
    if (asked) return asked({kind, path});
    return {};
}

uint64_t MemoryFileSystem::State::current_epoch() {
    ScopedLock lock(mutex);
    return epoch;
}

Result<NodePointer> MemoryFileSystem::State::find_file(const std::string& path) const {
    NodePointer node = find(path);
    if (!node) return missing(path);
    if (node->is_directory) return invalid_input("\"{}\" is not a regular file", path);
    return node;
}

Result<void> MemoryFileSystem::State::check_parent(const std::string& path) const {
    const NodePointer parent = find(parent_directory(path));
    if (!parent || !parent->is_directory) return missing(parent_directory(path));
    return {};
}

bool MemoryFileSystem::State::has_children(const std::string& directory) const {
    return std::ranges::any_of(visible, [&](const auto& entry) {
        return !entry.first.empty() && parent_directory(entry.first) == directory;
    });
}

Result<void> MemoryFileSystem::State::append(Node& node, Bytes bytes) {
    const uint64_t fitting = std::min<uint64_t>(bytes.size(), free);
    node.bytes.append(as_text(bytes.first(fitting)));
    if (free != kUnlimited) free -= fitting;
    if (fitting == bytes.size()) return {};
    return exhausted("no space left").with_sqlstate("53100");
}

Result<void> MemoryFileSystem::State::move(const std::string& from, const std::string& to) {
    NodePointer node = TRY(find_file(from));
    if (find(to)) return taken(to);
    TRY(check_parent(to));
    change({{{from, nullptr}, {to, std::move(node)}}});
    return {};
}

Result<void> MemoryFileSystem::State::exchange(const std::string& directory,
                                               const std::string& other) {
    for (const std::string& each : {directory, other}) {
        const NodePointer node = find(each);
        if (!node || !node->is_directory) return missing(each);
    }
    std::vector<std::pair<std::string, NodePointer>> removed;
    std::vector<std::pair<std::string, NodePointer>> added;
    for (const auto& [path, node] : visible) {
        for (const auto& [from, to] :
             {std::pair(&directory, &other), std::pair(&other, &directory)}) {
            if (path != *from && !path.starts_with(*from + "/")) continue;
            removed.emplace_back(path, nullptr);
            added.emplace_back(*to + path.substr(from->size()), node);
        }
    }
    Change both{std::move(removed)};
    std::ranges::move(added, std::back_inserter(both.names));
    change(std::move(both));
    return {};
}

void MemoryFileSystem::State::sync_directory(const std::string& directory) {
    std::erase_if(pending, [&](const Change& each) {
        const bool here = std::ranges::any_of(each.names, [&](const auto& name) {
            return parent_directory(name.first) == directory;
        });
        if (here) apply_change(durable, each);
        return here;
    });
}

void MemoryFileSystem::State::settle_names(CrashFate fate, Random& random) {
    for (const Change& each : pending) {
        const bool keep = fate == CrashFate::kKeepUnsynced ||
                          (fate == CrashFate::kTearUnsynced && random.below(2) == 1);
        if (keep) apply_change(durable, each);
    }
    pending.clear();
    // A name below a directory that was lost cannot be reached. Parents sort before their children.
    for (auto place = durable.begin(); place != durable.end();) {
        const bool lost =
            !place->first.empty() && !durable.contains(parent_directory(place->first));
        place = lost ? durable.erase(place) : std::next(place);
    }
    visible = durable;
}

void MemoryFileSystem::State::crash(CrashFate fate, uint64_t seed) {
    ScopedLock lock(mutex);
    Random random(seed);
    settle_names(fate, random);
    for (const auto& [path, node] : visible) {
        const size_t unsynced = node->bytes.size() - node->synced;
        if (fate == CrashFate::kDropUnsynced) node->bytes.resize(node->synced);
        if (fate == CrashFate::kTearUnsynced) {
            node->bytes.resize(node->synced + random.below(unsynced + 1));
        }
        node->synced = node->bytes.size();
    }
    locks.clear();
    ++epoch;
    power_left = kUnlimited;
    power_off = false;
}

class MemoryFileSystem::State::Writer final : public WritableFile {
  public:
    Writer(std::shared_ptr<State> state, NodePointer node, std::string path, uint64_t epoch)
        : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), epoch_(epoch) {}

    Result<void> append(Bytes bytes) override {
        if (poisoned_) return poisoned();
        Result<void> begun = state_->begin(Kind::kAppend, path_, epoch_);
        ScopedLock lock(state_->mutex);
        if (epoch_ != state_->epoch) return begun;
        if (begun) return state_->append(*node_, bytes);
        // A write that fails may have written some of its bytes: the unfriendly case.
        TRY(state_->append(*node_, bytes.first(bytes.size() / 2)));
        return begun;
    }

    Result<void> sync() override {
        if (poisoned_) return poisoned();
        Result<void> begun = state_->begin(Kind::kSync, path_, epoch_);
        poisoned_ = !begun;
        if (!begun) return begun;
        ScopedLock lock(state_->mutex);
        node_->synced = node_->bytes.size();
        return {};
    }

    uint64_t size() const override {
        ScopedLock lock(state_->mutex);
        return node_->bytes.size();
    }

  private:
    Error poisoned() const { return io_error("an earlier sync of \"{}\" failed", path_); }

    std::shared_ptr<State> state_;
    NodePointer node_;
    std::string path_;
    uint64_t epoch_;
    bool poisoned_ = false;
};

class MemoryFileSystem::State::Reader final : public ReadableFile {
  public:
    Reader(std::shared_ptr<State> state, NodePointer node, std::string path, uint64_t epoch)
        : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), epoch_(epoch) {}

    Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const override {
        TRY(state_->begin(Kind::kRead, path_, epoch_));
        ScopedLock lock(state_->mutex);
        const uint64_t size = node_->bytes.size();
        const uint64_t first = std::min(position, size);
        const size_t count = std::min<uint64_t>(buffer.size(), size - first);
        if (count > 0) std::memcpy(buffer.data(), node_->bytes.data() + first, count);
        return count;
    }

    Result<uint64_t> size() const override {
        const FileInfo now = TRY(info());
        return now.bytes;
    }

    Result<FileInfo> info() const override {
        TRY(state_->begin(Kind::kRead, path_, epoch_));
        ScopedLock lock(state_->mutex);
        return info_of(*node_);
    }

  private:
    std::shared_ptr<State> state_;
    NodePointer node_;
    std::string path_;
    uint64_t epoch_;
};

class MemoryFileSystem::State::Lock final : public FileLock {
  public:
    Lock(std::shared_ptr<State> state, uint64_t inode, uint64_t epoch)
        : state_(std::move(state)), inode_(inode), epoch_(epoch) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() override {
        ScopedLock lock(state_->mutex);
        // A lock from before a crash is gone already; the file may have a new holder.
        if (epoch_ == state_->epoch) state_->locks.erase(inode_);
    }

  private:
    std::shared_ptr<State> state_;
    uint64_t inode_;
    uint64_t epoch_;
};

class MemoryFileSystem::State::HeldDirectory final : public Directory {
  public:
    HeldDirectory(std::shared_ptr<State> state, NodePointer node, std::string path, uint64_t epoch)
        : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), epoch_(epoch) {}

    Result<void> move_in(const std::string& given_from, const std::string& name) override {
        const std::string from = TRY(checked(given_from));
        const std::string to = normalize(path_ + "/" + name);
        TRY(state_->begin(Kind::kMove, to, epoch_));
        ScopedLock lock(state_->mutex);
        if (state_->find(path_) != node_) return missing(path_);
        return state_->move(from, to);
    }
    Result<void> sync() override {
        TRY(state_->begin(Kind::kSyncDirectory, path_, epoch_));
        ScopedLock lock(state_->mutex);
        // What has its name by now, if anything has, is another one.
        if (state_->find(path_) == node_) state_->sync_directory(path_);
        return {};
    }

  private:
    std::shared_ptr<State> state_;
    NodePointer node_;
    std::string path_;
    uint64_t epoch_;
};

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {
    auto root = std::make_shared<Node>();
    root->is_directory = true;
    state_->visible[""] = root;
    state_->durable[""] = root;
}

MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::set_fault_hook(FaultHook hook) {
    ScopedLock lock(state_->mutex);
    state_->hook = std::move(hook);
}

void MemoryFileSystem::crash(CrashFate fate, uint64_t seed) { state_->crash(fate, seed); }

void MemoryFileSystem::fail_all_after(uint64_t operations) {
    ScopedLock lock(state_->mutex);
    state_->power_left = operations;
    state_->power_off = false;
}

void MemoryFileSystem::clear_faults() {
    ScopedLock lock(state_->mutex);
    state_->hook = nullptr;
    state_->power_left = kUnlimited;
    state_->power_off = false;
}

uint64_t MemoryFileSystem::operation_count() const {
    ScopedLock lock(state_->mutex);
    return state_->operations;
}

void MemoryFileSystem::set_free_bytes(uint64_t bytes) {
    ScopedLock lock(state_->mutex);
    state_->free = bytes;
}

Result<void> MemoryFileSystem::flip_bit(const std::string& path, uint64_t byte_index, int bit) {
    ScopedLock lock(state_->mutex);
    const NodePointer node = TRY(state_->find_file(normalize(path)));
    if (byte_index >= node->bytes.size())
        return invalid_input("no byte {} in \"{}\"", byte_index, path);
    node->bytes[byte_index] = static_cast<char>(node->bytes[byte_index] ^ (1 << bit));
    return {};
}

Result<void> MemoryFileSystem::truncate(const std::string& path, uint64_t bytes) {
    ScopedLock lock(state_->mutex);
    const NodePointer node = TRY(state_->find_file(normalize(path)));
    if (bytes > node->bytes.size()) return invalid_input("\"{}\" is shorter than {}", path, bytes);
    node->bytes.resize(bytes);
    node->synced = std::min<size_t>(node->synced, bytes);
    return {};
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::create(const std::string& given) {
    const std::string path = TRY(checked(given));
    const uint64_t epoch = state_->current_epoch();
    TRY(state_->begin(Kind::kCreate, path, epoch));
    ScopedLock lock(state_->mutex);
    if (state_->find(path)) return taken(path);
    TRY(state_->check_parent(path));
    auto node = std::make_shared<Node>();
    node->inode = state_->next_inode++;
    state_->change({{{path, node}}});
    return std::make_unique<State::Writer>(state_, std::move(node), path, epoch);
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& given) {
    const std::string path = TRY(checked(given));
    const uint64_t epoch = state_->current_epoch();
    TRY(state_->begin(Kind::kRead, path, epoch));
    ScopedLock lock(state_->mutex);
    NodePointer node = TRY(state_->find_file(path));
    return std::make_unique<State::Reader>(state_, std::move(node), path, epoch);
}

Result<std::string> MemoryFileSystem::read_all(const std::string& given) {
    const std::string path = TRY(checked(given));
    TRY(state_->begin(Kind::kRead, path, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    const NodePointer node = TRY(state_->find_file(path));
    return node->bytes;
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& given) {
    const std::string directory = TRY(checked(given));
    TRY(state_->begin(Kind::kRead, directory, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    const NodePointer node = state_->find(directory);
    if (!node || !node->is_directory) return missing(directory);
    const size_t prefix = directory.empty() ? 0 : directory.size() + 1;
    std::vector<std::string> names;
    for (const auto& [path, each] : state_->visible) {
        if (!path.empty() && parent_directory(path) == directory)
            names.push_back(path.substr(prefix));
    }
    return names;
}

Result<FileInfo> MemoryFileSystem::info(const std::string& given) {
    const std::string path = TRY(checked(given));
    TRY(state_->begin(Kind::kRead, path, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    const NodePointer node = state_->find(path);
    if (!node) return missing(path);
    return info_of(*node);
}

Result<bool> MemoryFileSystem::exists(const std::string& path) {
    Result<FileInfo> found = info(path);
    if (found) return true;
    if (found.error().code() == ErrorCode::kNotFound) return false;
    return std::move(found).error();
}

Result<void> MemoryFileSystem::create_directories(const std::string& given) {
    const std::string path = TRY(checked(given));
    for (size_t end = 0; end < path.size();) {
        end = std::min(path.find('/', end + 1), path.size());
        const std::string part = path.substr(0, end);
        {
            ScopedLock lock(state_->mutex);
            const NodePointer node = state_->find(part);
            if (node && !node->is_directory) return taken(part);
            if (node) continue;
        }
        TRY(state_->begin(Kind::kCreateDirectory, part, state_->current_epoch()));
        ScopedLock lock(state_->mutex);
        auto node = std::make_shared<Node>();
        node->is_directory = true;
        node->inode = state_->next_inode++;
        if (!state_->find(part)) state_->change({{{part, std::move(node)}}});
    }
    return {};
}

Result<void> MemoryFileSystem::move_no_replace(const std::string& given_from,
                                               const std::string& given_to) {
    const std::string from = TRY(checked(given_from));
    const std::string to = TRY(checked(given_to));
    TRY(state_->begin(Kind::kMove, to, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    return state_->move(from, to);
}

Result<void> MemoryFileSystem::link(const std::string& given_from, const std::string& given_to) {
    const std::string from = TRY(checked(given_from));
    const std::string to = TRY(checked(given_to));
    TRY(create_directories(parent_directory(to)));
    TRY(state_->begin(Kind::kLink, to, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    NodePointer node = TRY(state_->find_file(from));
    if (state_->find(to)) return taken(to);
    TRY(state_->check_parent(to));
    state_->change({{{to, std::move(node)}}});
    return {};
}

Result<void> MemoryFileSystem::exchange(const std::string& given, const std::string& given_other) {
    const std::string directory = TRY(checked(given));
    const std::string other = TRY(checked(given_other));
    for (const std::string& each : {directory, other}) TRY(sync_directory(each));
    TRY(state_->begin(Kind::kMove, directory, state_->current_epoch()));
    {
        ScopedLock lock(state_->mutex);
        TRY(state_->exchange(directory, other));
    }
    TRY(sync_directory(parent_directory(directory)));
    return sync_directory(parent_directory(other));
}

Result<void> MemoryFileSystem::remove(const std::string& given) {
    const std::string path = TRY(checked(given));
    TRY(state_->begin(Kind::kRemove, path, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    const NodePointer node = TRY(state_->find_file(path));
    const bool is_last_name =
        std::ranges::count(state_->visible, node, &Names::value_type::second) == 1;
    if (is_last_name && state_->free != kUnlimited) state_->free += node->bytes.size();
    state_->change({{{path, nullptr}}});
    return {};
}

Result<void> MemoryFileSystem::remove_directory(const std::string& given) {
    const std::string path = TRY(checked(given));
    TRY(state_->begin(Kind::kRemove, path, state_->current_epoch()));
    ScopedLock lock(state_->mutex);
    const NodePointer node = state_->find(path);
    if (!node || !node->is_directory) return missing(path);
    if (state_->has_children(path)) return conflict("directory \"{}\" is not empty", path);
    state_->change({{{path, nullptr}}});
    forget_directory(path);
    return {};
}

Result<std::unique_ptr<Directory>> MemoryFileSystem::open_directory(const std::string& given) {
    const std::string path = TRY(checked(given));
    const uint64_t epoch = state_->current_epoch();
    TRY(state_->begin(Kind::kRead, path, epoch));
    ScopedLock lock(state_->mutex);
    NodePointer node = state_->find(path);
    if (!node || !node->is_directory) return missing(path);
    return std::make_unique<State::HeldDirectory>(state_, std::move(node), path, epoch);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& given) {
    const std::string path = TRY(checked(given));
    if (!TRY(exists(path))) static_cast<void>(TRY(create(path)));
    const uint64_t epoch = state_->current_epoch();
    TRY(state_->begin(Kind::kRead, path, epoch));
    ScopedLock lock(state_->mutex);
    const uint64_t inode = TRY(state_->find_file(path))->inode;
    if (!state_->locks.insert(inode).second)
        return unavailable("\"{}\" is locked by another process", path);
    return std::make_unique<State::Lock>(state_, inode, epoch);
}

Result<uint64_t> MemoryFileSystem::free_bytes() {
    constexpr uint64_t kLarge = uint64_t{1} << 50;
    ScopedLock lock(state_->mutex);
    return std::min(state_->free, kLarge);
}

std::string MemoryFileSystem::local_path(const std::string& /*path*/) const { return {}; }

}  // namespace braid
