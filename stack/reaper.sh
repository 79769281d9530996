#!/bin/sh
# Outlives the supervisor, by a moment: when the pipe on its standard input closes, however the supervisor died, it stops
# every process that the supervisor started. Lines on the pipe:
#   + PID SIGNAL   this process leads a group of its own; SIGNAL is what asks it to stop
#   - PID          it is gone
# A started process writes its own "+" line before it turns into the program, so none can be missed.
trap '' INT TERM HUP QUIT

leaders=" "
while read -r change pid signal; do
  case $change in
    +) leaders="$leaders$pid:$signal " ;;
    -)
      kept=" "
      for one in $leaders; do
        [ "${one%%:*}" = "$pid" ] || kept="$kept$one "
      done
      leaders=$kept
      ;;
  esac
done
[ "$leaders" = " " ] && exit 0

# "pid parent" of every process that is not a zombie. PostgreSQL's children lead groups of their own, so groups alone do not find them.
table() {
  if [ -r /proc/self/stat ]; then
    for stat in /proc/[0-9]*/stat; do
      { read -r line <"$stat"; } 2>/dev/null || continue
      pid=${stat#/proc/}
      # shellcheck disable=SC2086
      set -- ${line##*) }
      [ "$1" = Z ] || echo "${pid%/stat} $2"
    done
  else
    ps -A -o pid=,ppid=
  fi
}

# Prints the ids given and those of everything that descends from them.
family() {
  known=" $* "
  processes=$(table)
  while :; do
    before=$known
    known=$(
      echo "$processes" | {
        while read -r pid parent; do
          case $known in
            *" $pid "*) ;;
            *" $parent "*) known="$known$pid " ;;
          esac
        done
        echo " $known "
      }
    )
    known=" $(echo $known) "
    [ "$known" = "$before" ] && break
  done
  echo "$known"
}

ids=""
for one in $leaders; do ids="$ids ${one%%:*}"; done
# shellcheck disable=SC2086
all=$(family $ids)

for one in $leaders; do kill -s "${one##*:}" "${one%%:*}" 2>/dev/null; done

# A service that has gone leaves nothing worth waiting for: what it started goes with it.
tries=30
while [ $tries -gt 0 ]; do
  waiting=
  for pid in $ids; do kill -0 "$pid" 2>/dev/null && waiting=1; done
  [ -z "$waiting" ] && break
  sleep 0.1
  tries=$((tries - 1))
done

for pid in $ids; do kill -s KILL "-$pid" 2>/dev/null; done
for pid in $all; do kill -s KILL "$pid" 2>/dev/null; done
exit 0
