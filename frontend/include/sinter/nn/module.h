#pragma once

#include <sinter/extent.h>
#include <sinter/variable.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sinter::nn {

class Buffer;
class Module;

// A weight that training changes: nn::Parameter scale{*this, "scale", {64}, Initializer::ones()};
// State has one shape in all calls: a Dim in it throws Error.
class Parameter final : public Variable {
 public:
  Parameter(Module& owner, std::string name, Extents shape, Initializer initializer, DType type = f32);
  ~Parameter();

  std::string path() const override;
  // Optimisers leave a frozen parameter as it is.
  void freeze() { set_trainable(false); }
  void unfreeze() { set_trainable(true); }

 private:
  Module* owner_;
  std::string name_;
};

// State that gradients do not reach: running statistics, caches, counters.
class Buffer final : public Variable {
 public:
  Buffer(Module& owner, std::string name, Extents shape, Initializer initializer = Initializer::zeros(),
         DType type = f32);
  ~Buffer();

  std::string path() const override;

 private:
  Module* owner_;
  std::string name_;
};

// A part of a model: parameters and other modules as members, each told its owner and its name, from which
// paths like "encoder.0.attention" are made. Neither copied nor moved, since its members know where it is.
//
//   struct Classifier : nn::Module {
//     nn::Linear hidden{*this, "hidden", 64, 128};
//     nn::Linear classes{*this, "classes", 128, 5};
//     Tensor operator()(Tensor x) { return classes(relu(hidden(x))); }
//   };
class Module {
 public:
  explicit Module(std::string name = "");  // a whole model; two in one program need different names
  Module(Module& owner, std::string name);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  std::string path() const;  // "" for a whole model without a name
  // Those of this module and all below it, in the order in which they were declared.
  std::vector<Parameter*> parameters() const;
  int64_t parameter_count() const;  // elements
  void freeze();                    // every parameter below

 private:
  friend class Parameter;
  friend class Buffer;

  struct Member {
    std::string name;
    // One of these.
    Module* module;
    Parameter* parameter;
    Buffer* buffer;
  };
  void adopt(Member member);
  void release(const void* member);
  std::string path_of(const std::string& member) const;
  void collect(std::vector<Parameter*>& into) const;

  Module* owner_ = nullptr;
  std::string name_;
  std::vector<Member> members_;
};

// Puts a module's path on every operation made while it lives, so that errors and profiles show it. The
// layers here do so themselves; a module of yours inside another says it in its first line:
//   Tensor operator()(Tensor x) { nn::Scope scope(*this); ... }
class Scope {
 public:
  explicit Scope(const Module& module);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();
};

// Modules called "0", "1", ... in a list of their own: nn::ModuleList<Block> blocks{*this, "blocks", 4, 128};
// builds Block(list, "0", 128) and so on.
template <std::derived_from<Module> T>
class ModuleList : public Module {
 public:
  template <typename... Args>
  ModuleList(Module& owner, std::string name, int64_t count, const Args&... args)
      : Module(owner, std::move(name)) {
    for (int64_t i = 0; i < count; ++i) append(args...);
  }

  template <typename... Args>
  T& append(const Args&... args) {
    modules_.push_back(std::make_unique<T>(*this, std::to_string(modules_.size()), args...));
    return *modules_.back();
  }

  int64_t size() const { return static_cast<int64_t>(modules_.size()); }
  T& operator[](int64_t i) { return *modules_.at(static_cast<size_t>(i)); }

  class Iterator {
   public:
    explicit Iterator(const std::unique_ptr<T>* at) : at_(at) {}
    T& operator*() const { return **at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const std::unique_ptr<T>* at_;
  };
  Iterator begin() { return Iterator(modules_.data()); }
  Iterator end() { return Iterator(modules_.data() + modules_.size()); }

 private:
  std::vector<std::unique_ptr<T>> modules_;
};

}  // namespace sinter::nn
