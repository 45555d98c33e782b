#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/training/event_file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "frontend/training/event_record.h"

namespace sinter {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Of no other file in the folder; TensorBoard knows them by how they begin.
std::string file_name() {
  static std::atomic<int> number = 0;
  return fmt::format("events.out.tfevents.{:010.0f}.{}.{}", now(), ::getpid(), number++);
}

}  // namespace

EventFile::EventFile(const std::string& folder)
    : path_((std::filesystem::path(folder) / file_name()).string()) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(fmt::format("cannot make the directory {}: {}", folder, error.message()));
  std::FILE* file = std::fopen(path_.c_str(), "wb");
  if (file == nullptr) throw Error(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
  file_.reset(file, std::fclose);
  write(version_event(now()));
}

void EventFile::add(const std::string& measure, int64_t step, double value) {
  write(scalar_event(now(), step, measure, static_cast<float>(value)));
}

void EventFile::write(const std::string& record) {
  const std::string bytes = framed(record);
  const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size() &&
                          std::fflush(file_.get()) == 0;
  if (!is_written) throw Error(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

}  // namespace sinter
