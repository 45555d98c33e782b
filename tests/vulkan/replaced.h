#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "backends/vulkan/run/api.h"

namespace sinter::vulkan::test {

// Another function of Vulkan in a driver's place, for as long as this lives.
template <auto& function>
class Replaced {
 public:
  using Function = std::decay_t<decltype(function)>;
  explicit Replaced(Function other) {
    real = function;
    function = other;
  }
  ~Replaced() { function = real; }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

  static inline Function real = nullptr;
};

// How often each function of Vulkan was called since this was made, on any thread. One of these at a time,
// whose counts are read when no call is under way.
class CallCounts {
 public:
  CallCounts() {
    counts().clear();
#define SINTER_VULKAN_FUNCTION(name) \
  replaced_.push_back(std::make_shared<Replaced<name>>(Counted<name, PFN_##name>::call));
#include "backends/vulkan/run/functions.def"
#undef SINTER_VULKAN_FUNCTION
  }

  static std::map<std::string, int>& counts() {
    static std::map<std::string, int> counts;
    return counts;
  }

 private:
  template <auto& function, typename Type>
  struct Counted;
  template <auto& function, typename Result, typename... Arguments>
  struct Counted<function, Result(VKAPI_PTR*)(Arguments...)> {
    static Result VKAPI_CALL call(Arguments... arguments) {
      count(name_of<function>());
      return Replaced<function>::real(arguments...);
    }
  };

  static void count(const std::string& name) {
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    ++counts()[name];
  }

  template <auto& function>
  static std::string name_of() {
#define SINTER_VULKAN_FUNCTION(name) \
  if (static_cast<const void*>(&function) == static_cast<const void*>(&name)) return #name;
#include "backends/vulkan/run/functions.def"
#undef SINTER_VULKAN_FUNCTION
    return "";
  }

  std::vector<std::shared_ptr<void>> replaced_;
};

}  // namespace sinter::vulkan::test
