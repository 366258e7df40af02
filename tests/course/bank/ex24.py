# %% right: two barriers a round
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% right: two rows, read one and write the other
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float rows[2][256];
  const int t = threadIdx.x;
  if (t < n) rows[0][t] = maps[blockIdx.x * n + t];
  for (int round = 0; round < rounds; ++round) {
    const float* from = rows[round % 2];
    float* to = rows[(round + 1) % 2];
    __syncthreads();
    if (t < n) to[t] = 0.25f * (from[t > 0 ? t - 1 : 0] + 2 * from[t] + from[t + 1 < n ? t + 1 : t]);
  }
  if (t < n) out[blockIdx.x * n + t] = rows[rounds % 2][t];
}"""

# %% right: threads left over work on a cell that nobody needs
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[1024];
  int t = threadIdx.x;
  row[t] = t < n ? maps[blockIdx.x * n + t] : 0;
  int left = max(t - 1, 0), right = t == n - 1 ? t : min(t + 1, int(blockDim.x) - 1);
  for (int round = 0; round < rounds; ++round) {
    __syncthreads();
    float mean = 0.25f * row[left] + 0.5f * row[t] + 0.25f * row[right];
    __syncthreads();
    row[t] = mean;
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: no-barrier-in-loop | the kernel as it was given
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      row[t] = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: no-barrier-in-loop | volatile instead
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ volatile float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      row[t] = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: writes-too-early | one barrier, at the end of a round
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      row[t] = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: writes-too-early | one barrier, at the start of a round
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    __syncthreads();
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      row[t] = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: reads-too-early | no barrier after writing
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: one-warp-only
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncwarp();
    if (t < n) row[t] = mean;
    __syncwarp();
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: barrier-in-branch | where the work is
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      float mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
      __syncthreads();
      row[t] = mean;
      __syncthreads();
    }
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: barrier-in-branch | those left over have gone
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t >= n) return;
  row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: no-guard
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: uninitialised-shared | the neighbours of the edge
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[t + 1];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: edges-changed | zeros beyond the edge
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = t > 0 ? row[t - 1] : 0, right = t + 1 < n ? row[t + 1] : 0;
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""
