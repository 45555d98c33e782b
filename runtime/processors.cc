#include "runtime/processors.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

namespace sinter::runtime {
namespace {

std::string read_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

// What a processor has in common with others: the text of the list of them, or `otherwise`.
std::string shared_by(const std::string& root, int processor, std::string_view file,
                      const std::string& otherwise) {
  const std::string list =
      read_line(fmt::format("{}/sys/devices/system/cpu/cpu{}/{}", root, processor, file));
  return list.empty() ? otherwise : list;
}

// A virtual machine may show a socket for each core, or no third cache: what is not shared says nothing of
// who is near.
std::string last_cache_of(const std::string& root, int processor, const std::string& core) {
  std::string last = core;
  for (int index = 0;; ++index) {
    const std::string next =
        shared_by(root, processor, fmt::format("cache/index{}/shared_cpu_list", index), "");
    if (next.empty()) return last == core ? "all" : last;
    last = next;
  }
}

// Of "200000 100000", microseconds in each period; "max 100000" is no bound.
std::optional<double> ratio(const std::string& line) {
  std::istringstream text(line);
  double quota = 0, period = 0;
  if (!(text >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// The least that a control group and those around it allow. /proc/self/cgroup has a line for each hierarchy:
// number, its controllers (none for version 2), the group's path.
double quota_of_groups(const std::string& root) {
  double quota = std::numeric_limits<double>::infinity();
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_unified = controllers == ",,";
    if (!is_unified && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string base = root + "/sys/fs/cgroup" + (is_unified ? "" : "/cpu");
    std::string path = line.substr(second + 1);
    for (;;) {
      const std::string group = base + path;
      const std::optional<double> found =
          is_unified
              ? ratio(read_line(group + "/cpu.max"))
              : ratio(read_line(group + "/cpu.cfs_quota_us") + " " + read_line(group + "/cpu.cfs_period_us"));
      if (found) quota = std::min(quota, *found);
      const size_t slash = path.rfind('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return quota;
}

}  // namespace

int Processors::best_threads() const {
  if (std::isinf(quota)) return std::max(1, cores);
  return std::clamp(static_cast<int>(std::ceil(std::min(quota, 1e6))), 1, std::max(1, cores));
}

Processors find_processors(const std::vector<int>& allowed, const std::string& root) {
  std::map<std::string, std::vector<int>> firsts, siblings;  // by cache
  std::vector<std::string> order;                            // of caches, as they are met
  std::set<std::string> cores;
  for (int processor : allowed) {
    const std::string core =
        shared_by(root, processor, "topology/thread_siblings_list", std::to_string(processor));
    const std::string cache = last_cache_of(root, processor, core);
    if (!firsts.contains(cache)) order.push_back(cache);
    std::vector<int>& known = firsts[cache];
    (cores.insert(core).second ? known : siblings[cache]).push_back(processor);
  }
  Processors result;
  for (const std::string& cache : order) {
    std::vector<int>& list = result.caches.emplace_back(std::move(firsts[cache]));
    list.insert(list.end(), siblings[cache].begin(), siblings[cache].end());
  }
  result.cores = std::max(1, static_cast<int>(cores.size()));
  result.quota = quota_of_groups(root);
  return result;
}

Processors find_processors() {
  std::vector<int> allowed;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (CPU_ISSET(processor, &set)) allowed.push_back(processor);
    }
  } else {
    const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    for (int processor = 0; processor < count; ++processor) allowed.push_back(processor);
  }
  // Cores and caches stay, and a large machine has some hundred files of them.
  static std::mutex mutex;
  static std::vector<int> known;
  static Processors of_known;
  const std::lock_guard<std::mutex> lock(mutex);
  if (known == allowed) {
    of_known.quota = quota_of_groups("");
  } else {
    of_known = find_processors(allowed);
    known = std::move(allowed);
  }
  return of_known;
}

}  // namespace sinter::runtime
