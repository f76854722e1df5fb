# Says who the primary is: what any Sentinel says; while none answers, which is when everything starts at once, the first.
primary() {
  for node in $NODES; do
    known=$(redis-cli -h "$node" -p 26379 --no-auth-warning sentinel get-master-addr-by-name claimgate 2>/dev/null | head -n 1) || true
    case "$known" in
      "" | *' '*) ;; # nobody there, or an error in words
      *) echo "$known"; return ;;
    esac
  done
  echo "${NODES%% *}"
}
