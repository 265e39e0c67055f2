// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <maxminddb.h>

#include "base/error_makers.h"
#include "operators/enrich/function_data.h"

namespace braid::operators {

namespace {

/// An address that could be somebody's on the internet.
struct Address {
    bool is_v6 = false;
    std::array<uint8_t, 16> bytes{};  // the first four of an IPv4 address
};

struct Network {
    std::array<uint8_t, 4> prefix;
    int bits;
};

/// IPv4 networks that no region has: private, local, shared, test, multicast and reserved ones.
constexpr Network kPrivateV4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10},  {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 168, 0, 0}, 16}, {{224, 0, 0, 0}, 3},
};

bool is_within(const uint8_t* address, const Network& network) {
    for (int bit = 0; bit < network.bits; bit += 8) {
        const int left = network.bits - bit;
        const auto mask = static_cast<uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
        const auto byte = static_cast<size_t>(bit / 8);
        if ((address[byte] & mask) != (network.prefix[byte] & mask)) return false;
    }
    return true;
}

bool is_private_v4(const uint8_t* address) {
    for (const Network& network : kPrivateV4) {
        if (is_within(address, network)) return true;
    }
    return false;
}

bool is_private_v6(const std::array<uint8_t, 16>& address) {
    const bool is_unique_local = (address[0] & 0xFE) == 0xFC;
    const bool is_link_local = address[0] == 0xFE && (address[1] & 0xC0) == 0x80;
    const bool is_multicast = address[0] == 0xFF;
    bool is_low = true;  // :: and ::1
    for (size_t i = 0; i < 15; ++i) is_low &= address[i] == 0;
    return is_unique_local || is_link_local || is_multicast || (is_low && address[15] <= 1);
}

/// ::ffff:a.b.c.d, an IPv4 address in IPv6's clothes.
bool is_mapped_v4(const std::array<uint8_t, 16>& address) {
    static constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return std::memcmp(address.data(), kPrefix.data(), kPrefix.size()) == 0;
}

std::optional<Address> parse_address(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN];
    if (text.size() >= sizeof buffer) return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    Address address;
    if (inet_pton(AF_INET, buffer, address.bytes.data()) == 1) {
        if (is_private_v4(address.bytes.data())) return std::nullopt;
        return address;
    }
    if (inet_pton(AF_INET6, buffer, address.bytes.data()) != 1) return std::nullopt;
    if (is_mapped_v4(address.bytes)) {
        std::memmove(address.bytes.data(), address.bytes.data() + 12, 4);
        if (is_private_v4(address.bytes.data())) return std::nullopt;
        return address;
    }
    if (is_private_v6(address.bytes)) return std::nullopt;
    address.is_v6 = true;
    return address;
}

/// A file in memory, without a name that others know: the library reads nothing but files.
class MemoryFile {
  public:
    MemoryFile() : number_(memfd_create("mmdb", MFD_CLOEXEC)) {}
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() {
        if (number_ >= 0) close(number_);
    }

    Result<void> fill(const DataFile& file) const {
        size_t done = 0;
        while (number_ >= 0 && done < file.bytes.size()) {
            const ssize_t wrote =
                write(number_, file.bytes.data() + done, file.bytes.size() - done);
            if (wrote < 0 && errno != EINTR) break;
            if (wrote > 0) done += static_cast<size_t>(wrote);
        }
        if (number_ >= 0 && done == file.bytes.size()) return {};
        return exhausted("no memory for region database {}: {}", file.name, std::strerror(errno));
    }
    std::string path() const { return fmt::format("/proc/self/fd/{}", number_); }

  private:
    const int number_;
};

/// One file, in memory.
class MmdbFile {
  public:
    MmdbFile() = default;
    MmdbFile(const MmdbFile&) = delete;
    MmdbFile& operator=(const MmdbFile&) = delete;
    ~MmdbFile() {
        if (is_open_) MMDB_close(&mmdb_);
    }

    Result<void> open(const DataFile& file) {
        name_ = file.name;
        const MemoryFile copy;
        TRY(copy.fill(file));
        const int status = MMDB_open(copy.path().c_str(), MMDB_MODE_MMAP, &mmdb_);
        if (status != MMDB_SUCCESS) {
            return corrupt("region database {} cannot be read: {}", name_, MMDB_strerror(status));
        }
        is_open_ = true;
        return {};
    }
    Result<void> check() const {
        std::vector<bool> is_read(mmdb_.data_section_size, false);
        for (uint32_t number = 0; number < mmdb_.metadata.node_count; ++number) {
            MMDB_search_node_s node{};
            const int status = MMDB_read_node(&mmdb_, number, &node);
            if (status != MMDB_SUCCESS) return damaged(MMDB_strerror(status));
            TRY(check_record(node.left_record_type, node.left_record_entry, is_read));
            TRY(check_record(node.right_record_type, node.right_record_entry, is_read));
        }
        return {};
    }
    bool is_open() const { return is_open_; }
    bool has_v6() const { return is_open_ && mmdb_.metadata.ip_version == 6; }

    std::optional<MMDB_entry_s> find(const Address& address) const {
        sockaddr_storage storage{};
        if (address.is_v6) {
            auto* socket_address = reinterpret_cast<sockaddr_in6*>(&storage);
            socket_address->sin6_family = AF_INET6;
            std::memcpy(&socket_address->sin6_addr, address.bytes.data(), 16);
        } else {
            auto* socket_address = reinterpret_cast<sockaddr_in*>(&storage);
            socket_address->sin_family = AF_INET;
            std::memcpy(&socket_address->sin_addr, address.bytes.data(), 4);
        }
        int status = MMDB_SUCCESS;
        MMDB_lookup_result_s found =
            MMDB_lookup_sockaddr(&mmdb_, reinterpret_cast<sockaddr*>(&storage), &status);
        if (status != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
        return found.entry;
    }

  private:
    Error damaged(const char* why) const {
        return corrupt("region database {} is damaged: {}", name_, why);
    }

    Result<void> check_record(uint8_t type, MMDB_entry_s entry, std::vector<bool>& is_read) const {
        if (type == MMDB_RECORD_TYPE_INVALID) return damaged("its search tree leads nowhere");
        if (type != MMDB_RECORD_TYPE_DATA) return {};
        if (entry.offset >= is_read.size()) return damaged("a place lies beyond its end");
        if (is_read[entry.offset]) return {};  // many networks share a place
        is_read[entry.offset] = true;
        MMDB_entry_data_list_s* values = nullptr;
        const int status = MMDB_get_entry_data_list(&entry, &values);
        MMDB_free_entry_data_list(values);
        if (status != MMDB_SUCCESS) return damaged(MMDB_strerror(status));
        return {};
    }

    std::string name_;
    mutable MMDB_s mmdb_{};
    bool is_open_ = false;
};

using Path = std::array<const char*, 5>;  // ends with null

std::optional<std::string> text_at(MMDB_entry_s entry, const Path& path) {
    MMDB_entry_data_s data{};
    const int status = MMDB_aget_value(&entry, &data, path.data());
    const bool is_text =
        status == MMDB_SUCCESS && data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING;
    if (!is_text || data.data_size == 0) return std::nullopt;
    return std::string(data.utf8_string, data.data_size);
}

class Regions final : public RegionDatabase {
  public:
    Result<void> open(const DataFile& ipv4, const DataFile& ipv6) {
        TRY(v4_.open(ipv4));
        if (!ipv6.bytes.empty()) TRY(v6_.open(ipv6));
        return {};
    }

    std::optional<std::string> country(std::string_view ip) const override {
        static constexpr Path kFlat = {"country_code"};
        static constexpr Path kNested = {"country", "iso_code"};
        return text_of(ip, kFlat, kNested);
    }
    std::optional<std::string> region(std::string_view ip) const override {
        static constexpr Path kFlat = {"state1"};
        static constexpr Path kNested = {"subdivisions", "0", "names", "en"};
        return text_of(ip, kFlat, kNested);
    }

  private:
    /// DB-IP's files are flat, MaxMind's nested.
    std::optional<std::string> text_of(std::string_view ip, const Path& flat,
                                       const Path& nested) const {
        const std::optional<Address> address = parse_address(ip);
        if (!address.has_value()) return std::nullopt;
        const MmdbFile& file = address->is_v6 && v6_.is_open() ? v6_ : v4_;
        if (address->is_v6 && !file.has_v6()) return std::nullopt;
        const std::optional<MMDB_entry_s> entry = file.find(*address);
        if (!entry.has_value()) return std::nullopt;
        std::optional<std::string> text = text_at(*entry, flat);
        return text.has_value() ? text : text_at(*entry, nested);
    }

    MmdbFile v4_;
    MmdbFile v6_;
};

}  // namespace

Result<void> check_region_database(const DataFile& ipv4_mmdb, const DataFile& ipv6_mmdb) {
    for (const DataFile* each : {&ipv4_mmdb, &ipv6_mmdb}) {
        if (each->bytes.empty() && each != &ipv4_mmdb) continue;
        MmdbFile file;
        TRY(file.open(*each));
        TRY(file.check());
    }
    return {};
}

Result<std::shared_ptr<const RegionDatabase>> open_region_database(const DataFile& ipv4_mmdb,
                                                                   const DataFile& ipv6_mmdb) {
    auto regions = std::make_shared<Regions>();
    TRY(regions->open(ipv4_mmdb, ipv6_mmdb));
    return std::shared_ptr<const RegionDatabase>(std::move(regions));
}

}  // namespace braid::operators
